"""How well our own 40 questions find their passages: `make bench-retrieval` prints the figures of docs/vectors.md.

The floors are a little below what was measured, since a processor's own arithmetic may tip two near scores.
"""

from __future__ import annotations

from collections import Counter

import numpy as np

from backend.engine.encoder.models import E5
from backend.engine.encoder.ranking import share_of_words
from tests.engine.encoder.running_encoder import RunningEncoder, needs_e5, running
from tools.retrieval.questions import hits, read

ASKED = read()


def test_the_set_is_what_its_description_says() -> None:
    assert (len(ASKED.passages), len(ASKED.questions)) == (30, 40)
    assert len(set(ASKED.passages)) == 30
    assert len(set(ASKED.questions)) == 40
    assert max(Counter(ASKED.answers.tolist()).values()) <= 2
    assert len(set(ASKED.answers.tolist())) == 30
    assert ASKED.crosses.sum() == 14


def test_a_passage_that_shares_its_score_comes_last() -> None:
    found = hits([[1, 1, 0], [0, 2, 1]], np.array([0, 1]))

    assert (found.first, found.three, found.of) == (1, 2, 2)


def test_the_vectors_find_most_passages_in_one_language_and_across(encoder: RunningEncoder) -> None:
    scores = encoder.vectors(ASKED.questions) @ encoder.vectors(ASKED.passages).T

    everything, across = hits(scores, ASKED.answers), hits(scores[ASKED.crosses], ASKED.answers[ASKED.crosses])
    assert (everything.first >= 33, everything.three >= 38) == (True, True)
    assert (across.first >= 12, across.three >= 13) == (True, True)


def test_words_alone_find_few_and_none_across_languages() -> None:
    scores = np.array([share_of_words(question, ASKED.passages) for question in ASKED.questions])

    assert 5 <= hits(scores, ASKED.answers).first <= 15
    assert hits(scores[ASKED.crosses], ASKED.answers[ASKED.crosses]).first == 0


def test_the_cross_with_words_costs_the_vectors_nothing(encoder: RunningEncoder) -> None:
    near = encoder.vectors(ASKED.questions) @ encoder.vectors(ASKED.passages).T

    scores = np.array([encoder.scores(question, ASKED.passages) for question in ASKED.questions])

    assert hits(scores, ASKED.answers).first >= hits(near, ASKED.answers).first - 1
    assert hits(scores, ASKED.answers).three >= hits(near, ASKED.answers).three - 1


@needs_e5
def test_e5_is_as_good_in_one_language_but_not_across() -> None:
    with running(E5) as encoder:
        scores = encoder.vectors(ASKED.questions) @ encoder.vectors(ASKED.passages).T

    same = ~ASKED.crosses
    assert hits(scores[same], ASKED.answers[same]).first >= 22
    assert hits(scores[ASKED.crosses], ASKED.answers[ASKED.crosses]).first <= 7
