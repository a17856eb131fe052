"""What human writers do to a sentence: politeness, case, typos, missing accents, made-up words.

The order in which random numbers are drawn is part of the corpus; see corpus.py.
"""

from __future__ import annotations

import json
import random
import re
import unicodedata
from pathlib import Path
from typing import Any


def load_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


class Noise:
    """Reads its word lists from one JSON file."""

    def __init__(self, path: Path) -> None:
        lists = load_json(path)
        self._prefixes, self._suffixes = lists["prefixes"], lists["suffixes"]
        self._syllables, self._endings = lists["syllables"], lists["endings"]

    def pseudo_word(self, language: str, rng: random.Random) -> str:
        """Make up a word that looks like one of the language."""
        return "".join(rng.choice(self._syllables) for _ in range(rng.choice((1, 2, 2, 3)))) + rng.choice(
            self._endings[language]
        )

    def add(self, text: str, language: str, rng: random.Random) -> str:
        """Vary politeness, case, punctuation, accents and spelling of a question."""
        if rng.random() < 0.14:
            text = rng.choice(self._prefixes[language]) + text
        if rng.random() < 0.10:
            text += rng.choice(self._suffixes[language])
        text = _vary_case(re.sub(r"\s+", " ", text).strip(), rng)
        if rng.random() < 0.12:
            text = _add_typo(text, rng)
        text = _vary_marks(text, language, rng)
        mark = "?" if language == "en" or rng.random() < 0.4 else " ?"
        return text + rng.choices(("", mark, ".", "!", mark * 2), (45, 45, 5, 3, 2))[0]


def _strip_accents(text: str) -> str:
    """Remove the accents of a text, as hurried writers do."""
    return "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))


def _add_typo(text: str, rng: random.Random) -> str:
    """Drop, double, swap or replace one letter of a word of four letters or more."""
    spots = [i for i in range(1, len(text) - 2) if text[i - 1 : i + 3].isalpha()]
    if not spots:
        return text
    i = rng.choice(spots)
    edit = rng.randrange(4)
    if edit == 0:
        return text[:i] + text[i + 1 :]
    if edit == 1:
        return text[:i] + text[i] + text[i:]
    if edit == 2:
        return text[:i] + text[i + 1] + text[i] + text[i + 2 :]
    return text[:i] + rng.choice("abcdefghijklmnopqrstuvwxyz") + text[i + 1 :]


def _vary_case(text: str, rng: random.Random) -> str:
    case = rng.random()
    if case < 0.55:
        return text[:1].upper() + text[1:]
    if case < 0.70:
        return text.lower()
    return text.upper() if case < 0.72 else text


def _vary_marks(text: str, language: str, rng: random.Random) -> str:
    """Accents, apostrophes and hyphens, as hurried writers set them."""
    if language == "en":
        return text.replace("'", rng.choice(("’", ""))) if rng.random() < 0.08 else text
    if rng.random() < 0.14:
        text = _strip_accents(text)
    if rng.random() < 0.10:
        text = text.replace("'", rng.choice(("’", " ", "")))
    if rng.random() < 0.15:
        text = text.replace("-", " ")
    return text
