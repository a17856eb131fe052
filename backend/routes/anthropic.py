"""Anthropic's Messages API."""

from __future__ import annotations

from flask import Blueprint, Response

from backend.dialects.anthropic.dialect import MESSAGES
from backend.dialects.anthropic.reply import encode_count
from backend.dialects.anthropic.request import parse_messages
from backend.gateway import Gateway
from backend.routes.reply import client, generate, json_reply, meter, read_object

HOT = {"/v1/messages": MESSAGES}
"""What the hot lane may answer."""


def routes(gateway: Gateway) -> Blueprint:
    blueprint = Blueprint("anthropic", __name__)

    @blueprint.post("/v1/messages")
    def messages() -> Response:
        return generate(gateway, MESSAGES)

    @blueprint.post("/v1/messages/count_tokens")
    def count_tokens() -> Response:
        metered = meter()
        metered.is_counted = False
        counted = gateway.count(parse_messages(read_object()), client(), metered)
        headers = counted.headers if counted.is_exact else {**counted.headers, "x-passerelle-estimated": "input_tokens"}
        return json_reply(encode_count(counted.tokens), headers)

    return blueprint
