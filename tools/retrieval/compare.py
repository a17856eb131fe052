"""`make bench-retrieval`: every way that the gateway has to find a passage, over the same 40 questions.

Each encoder is run as the gateway runs it, as a child asked over its port, and its times include that. Prints a table.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable, Iterator
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.engine.encoder.models import ENCODERS
from backend.engine.encoder.ranking import share_of_words
from tests.engine.encoder.running_encoder import RunningEncoder, running
from tools.retrieval.questions import Hits, Questions, hits, read

HEAD = """| | hit@1 | hit@3 | in one language | across languages | ms a question | ms a passage |
| --- | ---: | ---: | ---: | ---: | ---: | ---: |"""


def main() -> int:
    questions = read()
    print(HEAD)
    for line in _lines(questions):
        print(line, flush=True)
    return 0


def _lines(asked: Questions) -> Iterator[str]:
    scores, took = _timed(lambda question: share_of_words(question, asked.passages), asked.questions)
    yield _line("BM25 alone", asked, scores, took)
    for model in ENCODERS:
        if model.folder() is None:
            print(f"{model.package} is not installed: left out.", file=sys.stderr)
            continue
        with running(model) as encoder:
            yield from _lines_of(model.id, encoder, asked)


def _lines_of(name: str, encoder: RunningEncoder, asked: Questions) -> Iterator[str]:
    questions, a_question = _timed(lambda text: encoder.vectors([text])[0], asked.questions)
    passages, a_passage = _timed(lambda text: encoder.vectors([text])[0], asked.passages)
    yield _line(f"`{name}`", asked, np.array(questions) @ np.array(passages).T, a_question, a_passage)
    words = [share_of_words(question, asked.passages) for question in asked.questions]
    near = np.array(questions) @ np.array(passages).T
    yield _line(f"`{name}` and BM25 by reciprocal ranks (not used)", asked, _shares(near) + _shares(np.array(words)))
    scores, took = _timed(lambda question: encoder.scores(question, asked.passages), asked.questions)
    yield _line(f"`/v1/rerank` with `{name}`", asked, scores, took)


def _timed(do: Callable[[str], Any], texts: list[str]) -> tuple[list[Any], float]:
    """What each text gave, and the median time of one in milliseconds."""
    found, times = [], []
    for text in texts:
        began = perf_counter()
        found.append(do(text))
        times.append(1000 * (perf_counter() - began))
    return found, statistics.median(times)


def _shares(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 / (60 + rank) of each passage for each question, and nothing for a passage without any score."""
    ranks = (-scores).argsort(axis=1, kind="stable").argsort(axis=1, kind="stable") + 1
    return np.where(scores > 0, 1 / (60 + ranks), 0)


def _line(name: str, asked: Questions, scores: object, *times_ms: float) -> str:
    table = np.asarray(scores)
    everything = hits(table, asked.answers)
    parts = [hits(table[part], asked.answers[part]) for part in (~asked.crosses, asked.crosses)]
    times = [f"{time:.1f}" for time in times_ms] + ["–"] * (2 - len(times_ms))
    cells = [f"{everything.first} of {everything.of}", f"{everything.three} of {everything.of}"]
    return f"| {' | '.join([name, *cells, *map(_both, parts), *times])} |"


def _both(part: Hits) -> str:
    return f"{part.first}, {part.three} of {part.of}"


if __name__ == "__main__":
    sys.exit(main())
