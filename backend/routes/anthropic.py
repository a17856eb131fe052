"""Anthropic's Messages API."""

from __future__ import annotations

from flask import Blueprint, Response

from backend.dialects.anthropic.dialect import MESSAGES
from backend.gateway import Gateway
from backend.routes.reply import generate

HOT = {"/v1/messages": MESSAGES}
"""What the hot lane may answer."""


def routes(gateway: Gateway) -> Blueprint:
    blueprint = Blueprint("anthropic", __name__)

    @blueprint.post("/v1/messages")
    def messages() -> Response:
        return generate(gateway, MESSAGES)

    return blueprint
