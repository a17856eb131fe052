"""How many tokens a prompt may have, for backends that count only once they have read it. Errs upwards.

Tokenizers differ by half for English and by a factor of four for other scripts. The weights are such that none of
five in wide use (cl100k, o200k, Llama 2, Llama 3, Mistral) finds more in the texts of tests/corpus/token_counts.json.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import orjson

from backend.dialects.chat import ChatRequest, Image, Tool

_LONG = 40
_LETTERS = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/_=-")
_WORDS = bytes(byte if byte in _LETTERS else 32 for byte in range(256))
_UNBROKEN_WEIGHT = 0.95
"""Keys, digests and base64: nearly a token a character."""
_LOOKED_AT = 1024 * 1024
"""Bytes. What is longer fits no context, and would hold up everybody else."""
_WEIGHTS: tuple[tuple[bytes, float], ...] = (
    (b"abcdefghijklmnopqrstuvwxyz", 0.38),
    (b"ABCDEFGHIJKLMNOPQRSTUVWXYZ", 0.62),
    (b"0123456789", 1.15),
    (b" ", 0.28),
    (bytes(range(0xC0, 0xE0)), 1.4),
    (bytes(range(0xE0, 0xF0)), 2.0),
    (bytes(range(0xF0, 0x100)), 4.2),
    (bytes(range(0x80, 0xC0)), 0.0),
)
"""Tokens a byte of UTF-8. The first byte of a character tells how many more there are."""
_OTHER_WEIGHT = 0.72
_A_REQUEST, _A_MESSAGE, _A_TOOL, _ANY_TOOLS = 16, 8, 32, 256
"""What templates write around each; with tools they explain at length how to call one."""
_AN_IMAGE = 4096


def estimate_tokens(request: ChatRequest) -> int:
    text = "\n".join(_texts(request)).encode("utf-8", "replace")
    around = _A_REQUEST + _A_MESSAGE * len(request.messages)
    if request.tools:
        around += _ANY_TOOLS + _A_TOOL * len(request.tools)
    images = sum(isinstance(part, Image) for message in request.messages for part in message.parts)
    return around + _AN_IMAGE * images + weigh(text)


def weigh(text: bytes) -> int:
    """The tokens of a text in UTF-8."""
    if len(text) > _LOOKED_AT:
        return math.ceil(_UNBROKEN_WEIGHT * len(text))
    unbroken = b"".join(word for word in text.translate(_WORDS).split() if len(word) >= _LONG)
    return math.ceil(_by_kind(text) - _by_kind(unbroken) + _UNBROKEN_WEIGHT * len(unbroken))


def _by_kind(text: bytes) -> float:
    tokens = 0.0
    for kind, weight in _WEIGHTS:
        rest = text.translate(None, kind)
        tokens += weight * (len(text) - len(rest))
        text = rest
    return tokens + _OTHER_WEIGHT * len(text)


def _texts(request: ChatRequest) -> Iterator[str]:
    for message in request.messages:
        yield message.text
        yield message.reasoning or ""
        for call in message.tool_calls:
            yield f"{call.name}{call.arguments}"
    yield from map(_tool, request.tools)


def _tool(tool: Tool) -> str:
    return f"{tool.name}{tool.description or ''}{orjson.dumps(tool.parameters or {}).decode()}"
