"""The models, at the address where clients of OpenAI's dialect and of Anthropic's both look for them."""

from __future__ import annotations

from flask import Blueprint, Response, request

from backend.dialects.anthropic import listing as anthropic
from backend.dialects.anthropic.dialect import SIGN
from backend.dialects.openai import reply as openai
from backend.routes.reply import json_reply
from backend.routing.catalogue import Catalogue


def routes(catalogue: Catalogue) -> Blueprint:
    blueprint = Blueprint("listing", __name__)

    @blueprint.get("/v1/models")
    def models() -> Response:
        listed = catalogue.models()
        if SIGN in request.headers:
            return json_reply(anthropic.encode_models(listed, request.args))
        return json_reply(openai.encode_models(listed))

    @blueprint.get("/v1/models/<model:name>")
    def model(name: str) -> Response:
        found = catalogue.find(name)[1]
        return json_reply(anthropic.encode_model(found) if SIGN in request.headers else openai.encode_model(found))

    return blueprint
