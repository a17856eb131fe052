"""Checks the vectors that backends send: one that is short, ragged or not finite would spoil an index unnoticed."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Sequence

from backend.dialects.chat import JSON, Completed, EmbeddingRequest, Embeddings, Event, Failed, Ranking, Usage
from backend.errors import BackendFailed, ContextLengthExceeded, GatewayError, Unsupported

LARGEST_ANSWER = 256 * 1024 * 1024
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


class WholeDecoder:
    """Gathers an answer that is no stream, bounded, and has it read when it is all there. A `StreamDecoder`, so that
    embeddings take the way of all answers: their client is watched, and leaving stops the work."""

    def __init__(self, read: Callable[[bytes], Embeddings | Ranking]) -> None:
        """`read` raises GatewayError for what is none."""
        self._read = read
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
            found = self._read(b"".join(self._pieces))
        except GatewayError as fault:
            return [Failed(fault)]
        return [found, Usage(input_tokens=found.input_tokens), Completed()]


def vectors_decoder(read: Callable[[bytes], Embeddings], request: EmbeddingRequest) -> WholeDecoder:
    """Of the answer to this request: as many vectors, and as wide, as were asked for."""

    def read_all(body: bytes) -> Embeddings:
        found = read(body)
        if len(found.vectors) != len(request.inputs):
            raise BackendFailed("The backend gave another number of embeddings than it was asked for.")
        width = len(found.vectors[0])
        if request.dimensions not in (None, width):  # most servers give what they have, without a word
            raise other_dimensions(width)
        return found

    return WholeDecoder(read_all)


def other_dimensions(width: int) -> Unsupported:
    return Unsupported(f"This model makes vectors of {width} numbers and cannot make shorter ones.", "dimensions")
