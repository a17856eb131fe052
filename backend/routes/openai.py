"""OpenAI's API, under /v1 and, for clients that were told an address without it, without."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from flask import Blueprint, Response

from backend.dialects.openai import reply, request, rerank
from backend.dialects.openai.dialect import CHAT, COMPLETION
from backend.gateway import Gateway
from backend.routes.reply import client, generate, in_turns, json_reply, meter, read_object
from backend.vocabulary import Vocabulary

TOKENS_LIMIT = 310_000
"""Values of a request for embeddings: OpenAI's 300,000 tokens, and their lists."""
HOT = {
    prefix + path: kind
    for path, kind in (("/chat/completions", CHAT), ("/completions", COMPLETION))
    for prefix in ("", "/v1")
}
"""What the hot lane may answer."""


def routes(gateway: Gateway, vocabulary: Vocabulary) -> Blueprint:
    blueprint = Blueprint("openai", __name__)

    def post(path: str) -> Callable[[Callable[[], Response]], Callable[[], Response]]:
        def both(view: Callable[[], Response]) -> Callable[[], Response]:
            blueprint.post("/v1" + path)(view)
            blueprint.post(path)(view)
            return view

        return both

    @post("/chat/completions")
    def chat_completions() -> Response:
        return generate(gateway, CHAT)

    @post("/completions")
    def completions() -> Response:
        return generate(gateway, COMPLETION)

    @post("/embeddings")
    def embeddings() -> Response:
        asked = request.parse_embeddings(read_object(TOKENS_LIMIT), vocabulary.text)
        found, opened = gateway.embed(asked, client(), meter())
        return json_reply(in_turns(reply.encode_embeddings(asked, found, opened.model)), opened.headers)

    @post("/rerank")
    def reranked() -> Response:
        asked = rerank.parse_rerank(read_object())
        ranking, opened = gateway.rerank(asked, client(), meter())
        method = "embeddings+bm25" if "embedding" in opened.model.capabilities else "reranker"
        identity = f"rerank-{secrets.token_hex(12)}"
        return json_reply(rerank.encode_rerank(asked, ranking, opened.model, method, identity), opened.headers)

    blueprint.post("/v2/rerank")(reranked)  # where Cohere's own client asks

    return blueprint
