"""Asks OpenAI-compatible servers (llama.cpp, vLLM, a cloud) to rerank, and reads what they answer."""

from __future__ import annotations

import math
import sys
from array import array
from base64 import b64encode
from collections.abc import Sequence

import orjson

from backend.dialects.chat import JSON, Embeddings, Ranking, RerankRequest
from backend.dialects.openai.upstream.failure import OPENAI_COMPATIBLE, judge
from backend.dialects.server_error import complaint_of
from backend.errors import BackendFailed, GatewayError
from backend.identity import Identity


def encode_rerank(request: RerankRequest, vectors: Embeddings | None = None) -> bytes:
    """All documents are asked for: older servers do not sort, and take the first `top_n` as they stand.

    `vectors`, of the query and of each document, are for the gateway's own encoder: another model has made them.
    """
    body: dict[str, JSON] = {
        "model": request.model,
        "query": request.query,
        "documents": list(request.documents),
        "top_n": len(request.documents),
    }
    if vectors is not None:
        body["vectors"] = b64encode(b"".join(map(_float32, vectors.vectors))).decode()
    return orjson.dumps(body)


def decode_ranking(body: bytes, count: int, server: Identity = OPENAI_COMPATIBLE) -> Ranking:
    """`results` with each of `count` documents once. Raises GatewayError: the server's own complaint under a 200, or
    BackendFailed."""
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        answer = None
    if not isinstance(answer, dict):
        raise _nonsense(server)
    if answer.get("error") or answer.get("object") == "error":
        raise judge(None, complaint_of(answer), server)
    results = answer.get("results")
    results = results if isinstance(results, list) else []
    scores = dict(map(_result, results))
    if scores.keys() != set(range(count)) or len(results) != count:
        raise _nonsense(server)
    return Ranking(tuple(sorted(scores.items(), key=lambda item: (-item[1], item[0]))), _tokens(answer.get("usage")))


def _result(entry: JSON) -> tuple[int, float]:
    """A place that no document has, for what is no result."""
    if not isinstance(entry, dict):
        return -1, 0.0
    index, score = entry.get("index"), entry.get("relevance_score")
    if type(index) is not int or not isinstance(score, (float, int)) or not math.isfinite(score):
        return -1, 0.0
    return index, float(score)


def _tokens(usage: JSON) -> int:
    tokens = usage.get("total_tokens") if isinstance(usage, dict) else None
    return tokens if type(tokens) is int and tokens >= 0 else 0


def _float32(vector: Sequence[float]) -> bytes:
    numbers = array("f", vector)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tobytes()


def _nonsense(server: Identity) -> GatewayError:
    return BackendFailed(f"{server.subject} answered with something that is no ranking of the documents.")
