"""Reads embeddings as OpenAI-compatible servers answer them."""

from __future__ import annotations

import sys
from array import array
from base64 import b64decode

import orjson

from backend.dialects.chat import JSON, Embeddings
from backend.dialects.openai.upstream.failure import OPENAI_COMPATIBLE, judge
from backend.dialects.server_error import complaint_of
from backend.dialects.vectors import checked_vectors
from backend.errors import BackendFailed, GatewayError
from backend.identity import Identity


def decode_embeddings(body: bytes, server: Identity = OPENAI_COMPATIBLE, *, count: int | None = None) -> Embeddings:
    """`data[].embedding` in the order of `index`: floats or base64 of little-endian float32, all of one width.

    `count` is how many were asked for. Raises GatewayError: the server's own complaint under a 200, or BackendFailed.
    """
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise _nonsense(server) from None
    if not isinstance(answer, dict):
        raise _nonsense(server)
    if answer.get("error") or answer.get("object") == "error":
        raise judge(None, complaint_of(answer), server)
    data = answer.get("data")
    if not isinstance(data, list) or not all(isinstance(entry, dict) for entry in data):
        raise _nonsense(server)
    vectors = checked_vectors([_floats(entry.get("embedding")) for entry in _ordered(data)], count)
    if vectors is None:
        raise _nonsense(server)
    usage = answer.get("usage")
    tokens = usage.get("prompt_tokens") if isinstance(usage, dict) else None
    return Embeddings(vectors, tokens if type(tokens) is int and tokens >= 0 else 0)


def _ordered(data: list[dict[str, JSON]]) -> list[dict[str, JSON]]:
    """By `index` where that is a whole numbering, else as they stand."""
    by_index = {entry["index"]: entry for entry in data if type(entry.get("index")) is int}
    return [by_index[index] for index in range(len(data))] if by_index.keys() == set(range(len(data))) else data


def _floats(value: JSON) -> JSON:
    """base64 as an array; what is none stays for `checked_vectors` to refuse."""
    if not isinstance(value, str):
        return value
    try:
        floats = array("f", b64decode(value, validate=True))
    except ValueError:
        return None
    if sys.byteorder == "big":
        floats.byteswap()
    return floats


def _nonsense(server: Identity) -> GatewayError:
    return BackendFailed(f"{server.subject} answered with something that is no list of embeddings.")
