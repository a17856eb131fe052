"""Checks the vectors that backends send: one that is short, ragged or not finite would spoil an index unnoticed."""

from __future__ import annotations

import math
from collections.abc import Callable

from backend.dialects.chat import JSON, Completed, Embeddings, Event, Failed, Usage
from backend.errors import BackendFailed, GatewayError

LARGEST_ANSWER = 256 * 1024 * 1024


def checked_vectors(found: list[JSON], count: int | None) -> tuple[tuple[float, ...], ...] | None:
    """The vectors, where each is a list of finite numbers and all are of one width; else None."""
    if count is not None and len(found) != count:
        return None
    vectors: list[tuple[float, ...]] = []
    for vector in found:
        if not isinstance(vector, list) or not vector or not all(type(item) in (float, int) for item in vector):
            return None
        numbers = tuple(map(float, vector))
        if not all(map(math.isfinite, numbers)) or (vectors and len(vectors[0]) != len(numbers)):
            return None
        vectors.append(numbers)
    return tuple(vectors)


class VectorsDecoder:
    """Gathers an answer that is no stream, bounded, and has it read when it is all there. A `StreamDecoder`, so that
    embeddings take the way of all answers: their client is watched, and leaving stops the work."""

    def __init__(self, read: Callable[[bytes], Embeddings], count: int) -> None:
        """`read` raises GatewayError for what is none; `count` is how many were asked for."""
        self._read, self._count = read, count
        self._pieces: list[bytes] = []
        self._size = 0

    def begin(self, content_type: str) -> None:
        """Whatever the type says, the body decides."""

    def feed(self, data: bytes) -> list[Event]:
        self._size += len(data)
        if self._size > LARGEST_ANSWER:
            return [Failed(BackendFailed("The backend's answer is larger than the gateway keeps.", "answer_too_large"))]
        self._pieces.append(data)
        return []

    def end(self, is_framed: bool = True) -> list[Event]:
        try:
            embeddings = self._read(b"".join(self._pieces))
        except GatewayError as fault:
            return [Failed(fault)]
        if len(embeddings.vectors) != self._count:
            return [Failed(BackendFailed("The backend gave another number of embeddings than it was asked for."))]
        return [embeddings, Usage(input_tokens=embeddings.input_tokens), Completed()]
