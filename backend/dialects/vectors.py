"""Checks the vectors that backends send: one that is short, ragged or not finite would spoil an index unnoticed."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Sequence

from backend.dialects.chat import JSON, EmbeddingRequest, Embeddings, Event, Ranking, Usage
from backend.dialects.whole import WholeDecoder
from backend.errors import BackendFailed, ContextLengthExceeded, Unsupported

_NUMBERS = {float, int}


def checked_vectors(found: Sequence[JSON], count: int | None) -> tuple[Sequence[float], ...] | None:
    """The vectors, where each is a list of finite numbers (or an array of them) and all are of one width; else None.

    Two thousand vectors are a million numbers, which no stream should have to wait for: no loop looks at each of them.
    """
    if count is not None and len(found) != count:
        return None
    widths = {len(vector) if isinstance(vector, (list, array)) else 0 for vector in found}
    if 0 in widths or len(widths) > 1 or not all(map(_is_finite, found)):
        return None
    return tuple(found)


def _is_finite(vector: list[JSON] | array[float]) -> bool:
    """The sum of numbers is finite only if they all are."""
    if isinstance(vector, list) and not set(map(type, vector)) <= _NUMBERS:
        return False
    try:
        return math.isfinite(sum(vector))
    except OverflowError:  # a whole number beyond all floats
        return False


def blamed(error: ContextLengthExceeded, texts: Sequence[str], name: Callable[[int], str]) -> ContextLengthExceeded:
    """What a backend means that finds a text too long, but does not say which: most likely the longest one. `name` is
    what the caller calls the text at a place."""
    param = name(max(range(len(texts)), key=lambda place: len(texts[place])))
    told = error.about(param, "Split the text into shorter pieces")
    if len(texts) == 1:
        return told
    return ContextLengthExceeded(f"{told.message} Most likely it is `{param}`, the longest of them.", param)


def counted(found: Embeddings | Ranking) -> list[Event]:
    """What a whole answer brings, with the tokens that it took."""
    return [found, Usage(input_tokens=found.input_tokens)]


def vectors_decoder(read: Callable[[bytes], Embeddings], request: EmbeddingRequest) -> WholeDecoder:
    """Of the answer to this request: as many vectors, and as wide, as were asked for."""

    def read_all(body: bytes) -> list[Event]:
        found = read(body)
        if len(found.vectors) != len(request.inputs):
            raise BackendFailed("The backend gave another number of embeddings than it was asked for.")
        width = len(found.vectors[0])
        if request.dimensions not in (None, width):  # most servers give what they have, without a word
            raise other_dimensions(width)
        return counted(found)

    return WholeDecoder(read_all)


def other_dimensions(width: int) -> Unsupported:
    return Unsupported(f"This model makes vectors of {width} numbers and cannot make shorter ones.", "dimensions")
