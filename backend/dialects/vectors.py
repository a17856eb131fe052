"""Checks the vectors that backends send: one that is short, ragged or not finite would spoil an index unnoticed."""

from __future__ import annotations

import math

from backend.dialects.chat import JSON


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
