"""What an encoder does for one request, in pieces small enough that all requests take turns and none is stuck.

Knows no HTTP. One thread runs the model, one piece at a time, in the order in which the pieces come; so memory is one
piece's, and a short question waits for a piece of a long job, not for the job.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np

from backend.engine.encoder.loading import Encoder, TooLong, Vectors
from backend.engine.encoder.ranking import relevance

T = TypeVar("T")

MOST_CHARACTERS = 65536
"""Of one text: told without counting tokens, so that counting has a bound itself."""
MOST_TOKENS = 300_000
"""Of one request, as OpenAI has it: some twenty seconds of work."""
PIECE_CHARACTERS = 2048
PIECE_TEXTS = 32


class Left(Exception):
    """Nobody wants the answer any more."""


@dataclass
class Refused(Exception):
    """The request cannot be done. `param` is the field at fault."""

    param: str
    fault: str
    code: str = "invalid_request"

    @property
    def message(self) -> str:
        return f"`{self.param}` {self.fault}"


class Work:
    """See the module. `is_gone` is asked between pieces; then Left is raised. Raises Refused."""

    def __init__(self, encoder: Encoder, model: str, context: int) -> None:
        self._encoder, self._model, self._context = encoder, model, context
        self._desk = ThreadPoolExecutor(1, "encoder")

    def embed(self, texts: list[str], is_gone: Callable[[], bool]) -> tuple[Vectors, int]:
        """A vector a text, and how many tokens they have in all."""
        return self._embed(texts, "input", True, is_gone)

    def rank(
        self, query: str, documents: list[str], given: Vectors | None, is_gone: Callable[[], bool]
    ) -> tuple[list[float], int]:
        """The relevance of each document, and how many tokens were read. `given` are vectors that another model has
        made of the query and the documents, in this order."""
        if given is not None:
            asked, vectors, tokens = given[0], given[1:], 0
        else:
            one, tokens_asked = self._embed([query], "query", True, is_gone)
            vectors, tokens = self._embed(documents, "documents", False, is_gone)
            asked, tokens = one[0], tokens + tokens_asked
        return self._do(partial(relevance, query, documents, asked, vectors)), tokens

    def _embed(self, texts: list[str], field: str, is_query: bool, is_gone: Callable[[], bool]) -> tuple[Vectors, int]:
        for place, text in enumerate(texts):
            if len(text) > MOST_CHARACTERS:
                raise self._too_long(field, texts, place, f"{len(text)} characters")
        made: list[Vectors] = []
        total = 0
        for first, piece in _pieces(texts):
            if is_gone():
                raise Left
            try:
                vectors, tokens = self._do(partial(self._encoder.encode, piece, is_query))
            except TooLong as fault:
                raise self._too_long(field, texts, first + fault.place, f"{fault.tokens} tokens") from None
            made.append(vectors)
            total += tokens
            if total > MOST_TOKENS:
                raise Refused(field, f"has more than {MOST_TOKENS} tokens in all: send it in several requests.")
        return np.concatenate(made), total

    def _do(self, piece: Callable[[], T]) -> T:
        return self._desk.submit(piece).result()

    def _too_long(self, field: str, texts: list[str], place: int, size: str) -> Refused:
        param = field if len(texts) == 1 else f"{field}[{place}]"
        fault = f"has {size}, and {self._model} takes {self._context} tokens: cut it into pieces."
        return Refused(param, fault, "context_length_exceeded")


def _pieces(texts: list[str]) -> Iterator[tuple[int, list[str]]]:
    """Neighbours that are short enough to be done together, with the place of the first."""
    first, size = 0, 0
    for place, text in enumerate(texts):
        if place > first and (size + len(text) > PIECE_CHARACTERS or place - first >= PIECE_TEXTS):
            yield first, texts[first:place]
            first, size = place, 0
        size += len(text)
    yield first, texts[first:]
