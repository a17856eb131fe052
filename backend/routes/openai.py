"""OpenAI's API, under /v1 and, for clients that were told an address without it, without."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response

from backend.dialects.chat import Answer, GenerationRequest, StreamEncoder
from backend.dialects.openai import reply as openai_reply
from backend.dialects.openai import request as openai_request
from backend.dialects.openai import stream as openai_stream
from backend.gateway import Gateway
from backend.routes.reply import client, json_reply, meter, read_object, stream_reply
from backend.routing.catalogue import Catalogue


def routes(gateway: Gateway, catalogue: Catalogue) -> Blueprint:
    blueprint = Blueprint("openai", __name__)

    def post(path: str) -> Callable[[Callable[[], Response]], Callable[[], Response]]:
        def both(view: Callable[[], Response]) -> Callable[[], Response]:
            blueprint.post("/v1" + path)(view)
            blueprint.post(path)(view)
            return view

        return both

    @post("/chat/completions")
    def chat_completions() -> Response:
        return _generate(
            gateway, openai_request.parse_chat, openai_stream.ChatStream, openai_reply.encode_chat, "chatcmpl-"
        )

    @post("/completions")
    def completions() -> Response:
        return _generate(
            gateway,
            openai_request.parse_completion,
            openai_stream.CompletionStream,
            openai_reply.encode_completion,
            "cmpl-",
        )

    @post("/embeddings")
    def embeddings() -> Response:
        asked = openai_request.parse_embeddings(read_object())
        found, opened = gateway.embed(asked, client(), meter())
        return json_reply(openai_reply.encode_embeddings(asked, found, opened.model.id), opened.headers)

    @blueprint.get("/v1/models")
    def models() -> Response:
        return json_reply(openai_reply.encode_models(catalogue.models()))

    @blueprint.get("/v1/models/<path:name>")
    def model(name: str) -> Response:
        return json_reply(openai_reply.encode_model(catalogue.find(name)[1]))

    return blueprint


def _generate(
    gateway: Gateway,
    parse: Callable[[dict[str, Any]], GenerationRequest],
    stream: Callable[..., StreamEncoder],
    encode: Callable[[Answer, str, str, int], bytes],
    prefix: str,
) -> Response:
    asked = parse(read_object())
    meter().is_stream = asked.stream
    opened = gateway.open(asked, client(), meter(), has_heartbeat=asked.stream)
    identity, created = prefix + secrets.token_hex(12), int(time.time())
    if asked.stream:
        return stream_reply(opened, stream(opened.model.id, asked.include_usage, identity, created))
    return json_reply(encode(opened.relay.gather(), opened.model.id, identity, created), opened.headers)
