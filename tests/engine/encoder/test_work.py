"""How a request's texts are cut into pieces, and when the work ends."""

from __future__ import annotations

import numpy as np
import pytest

from backend.engine.encoder.loading import TooLong, Vectors
from backend.engine.encoder.work import MOST_TOKENS, PIECE_CHARACTERS, PIECE_TEXTS, Left, Refused, Work


class Letters:
    """An encoder whose tokens are letters, and whose vector of a text is its length."""

    def __init__(self) -> None:
        self.pieces: list[list[str]] = []

    def encode(self, texts: list[str], is_query: bool) -> tuple[Vectors, int]:
        self.pieces.append(texts)
        for place, text in enumerate(texts):
            if len(text) > 8192:
                raise TooLong(place, len(text))
        return np.array([[len(text)] for text in texts], np.float32), sum(map(len, texts))


def test_short_texts_go_together_and_long_ones_alone() -> None:
    encoder = Letters()
    texts = ["x" * size for size in (*[1] * 70, 2000, 2000, 5000, 10)]

    vectors, tokens = Work(encoder, "letters", 8192).embed(texts, lambda: False)

    assert [text for piece in encoder.pieces for text in piece] == texts
    assert all(len(piece) <= PIECE_TEXTS for piece in encoder.pieces)
    assert all(len(piece) == 1 or sum(map(len, piece)) <= PIECE_CHARACTERS for piece in encoder.pieces)
    assert len(encoder.pieces) == 6
    assert vectors[:, 0].tolist() == [len(text) for text in texts]
    assert tokens == sum(map(len, texts))


def test_nothing_is_begun_once_the_client_is_gone() -> None:
    encoder = Letters()

    with pytest.raises(Left):
        Work(encoder, "letters", 8192).embed(["x" * 2000] * 9, lambda: len(encoder.pieces) == 3)

    assert len(encoder.pieces) == 3


def test_more_tokens_than_one_request_may_have_are_refused() -> None:
    encoder = Letters()

    with pytest.raises(Refused) as refused:
        Work(encoder, "letters", 8192).embed(["x" * 5000] * 100, lambda: False)

    assert refused.value.message == "`input` has more than 300000 tokens in all: send it in several requests."
    assert len(encoder.pieces) == MOST_TOKENS // 5000 + 1
