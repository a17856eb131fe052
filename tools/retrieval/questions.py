"""The questions of tests/corpus/retrieval.json, and how well a table of scores answers them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

FILE = Path(__file__).resolve().parent.parent.parent / "tests" / "corpus" / "retrieval.json"


@dataclass(frozen=True)
class Questions:
    passages: list[str]
    questions: list[str]
    answers: NDArray[np.int64]
    """For each question, the place of the one passage that answers it."""
    crosses: NDArray[np.bool_]
    """For each question, whether it is asked in another language than its passage."""


@dataclass(frozen=True)
class Hits:
    """How many questions have their passage in the first place, and among the first three, of how many."""

    first: int
    three: int
    of: int


def read() -> Questions:
    written = json.loads(FILE.read_text("utf-8"))
    places = {passage["id"]: place for place, passage in enumerate(written["passages"])}
    answers = [places[question["passage"]] for question in written["questions"]]
    return Questions(
        [passage["text"] for passage in written["passages"]],
        [question["text"] for question in written["questions"]],
        np.array(answers),
        np.array(
            [
                question["language"] != written["passages"][answer]["language"]
                for question, answer in zip(written["questions"], answers, strict=True)
            ]
        ),
    )


def hits(scores: ArrayLike, answers: NDArray[np.int64]) -> Hits:
    """`scores` has a row a question, a column a passage. A passage that shares its score comes after its equals."""
    table = np.asarray(scores)
    right = table[np.arange(len(answers)), answers]
    before = (table >= right[:, None]).sum(axis=1) - 1
    return Hits(int((before < 1).sum()), int((before < 3).sum()), len(answers))
