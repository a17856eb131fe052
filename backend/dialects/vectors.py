"""Checks the vectors that backends send: one that is short, ragged or not finite would spoil an index unnoticed."""

from __future__ import annotations

import math
from collections.abc import Callable

from backend.dialects.chat import JSON, Embeddings, Event, Usage
from backend.dialects.whole import WholeDecoder
from backend.errors import BackendFailed


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


class VectorsDecoder(WholeDecoder):
    """`read` raises GatewayError for what is none; `count` is how many vectors were asked for."""

    def __init__(self, read: Callable[[bytes], Embeddings], count: int) -> None:
        super().__init__(self._vectors)
        self._read_vectors, self._count = read, count

    def _vectors(self, body: bytes) -> list[Event]:
        embeddings = self._read_vectors(body)
        if len(embeddings.vectors) != self._count:
            raise BackendFailed("The backend gave another number of embeddings than it was asked for.")
        return [embeddings, Usage(input_tokens=embeddings.input_tokens)]
