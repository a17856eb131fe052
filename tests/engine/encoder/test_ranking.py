"""Meaning crossed with words: what each of them finds that the other one does not."""

from __future__ import annotations

from base64 import b64encode

import numpy as np
import pytest

from backend.engine.encoder.ranking import relevance, share_of_words, words
from tests.engine.encoder.running_encoder import RunningEncoder

FAULTS = ["Error E4411: the fan does not turn.", "Error E4412: the lid is open.", "Error E4413: the tank is empty."]


def test_words_lose_their_accents_and_those_that_say_nothing() -> None:
    assert words("Où est la GARE d'Évry ?") == ["gare", "evry"]


def test_a_script_without_spaces_is_read_letter_by_letter() -> None:
    assert words("東京の駅 ok") == ["東", "京", "の", "駅", "ok"]


def test_words_count_as_a_share_of_all_that_were_asked_for() -> None:
    shares = share_of_words("lid open", FAULTS)

    assert shares[0] == shares[2] == 0
    assert 0 < share_of_words("lid screw bolt", FAULTS)[1] < share_of_words("lid", FAULTS)[1] < 1


@pytest.mark.parametrize(("query", "documents"), [("", ["a text"]), ("the of", ["a text"]), ("word", ["", "?!"])])
def test_where_no_words_meet_there_is_no_share(query: str, documents: list[str]) -> None:
    assert share_of_words(query, documents).tolist() == [0] * len(documents)


def test_relevance_is_between_nothing_and_all() -> None:
    asked, vectors = np.array([1, 0], np.float32), np.array([[1, 0], [0, 3], [-1, 0], [0, 0]], np.float32)

    assert relevance("quite other words", ["a", "b", "c", "d"], asked, vectors) == [1, 0.5, 0, 0.5]


def test_a_code_is_found_that_the_vectors_do_not_tell_from_others(encoder: RunningEncoder) -> None:
    asked, *faults = encoder.vectors(["What does E4412 mean?", *FAULTS])
    assert np.argmax(np.array(faults) @ asked) != 1

    assert np.argmax(encoder.scores("What does E4412 mean?", FAULTS)) == 1


def test_another_language_is_found_that_shares_no_word(encoder: RunningEncoder) -> None:
    documents = ["Das Wetter ist schön.", "La boulangerie ouvre à sept heures.", "Le train part à huit heures."]
    assert not share_of_words("When can I buy bread?", documents).any()

    assert np.argmax(encoder.scores("When can I buy bread?", documents)) == 1


def test_vectors_of_another_model_are_used_as_they_are(encoder: RunningEncoder) -> None:
    vectors = np.array([[1, 0, 0], [0, 1, 0], [1, 1, 0], [0, 0, 1]], "<f4")
    body = {"query": "north", "documents": ["south", "east", "west"], "vectors": b64encode(vectors.tobytes()).decode()}

    status, answer = encoder.ask("/v1/rerank", body)

    assert status == 200
    assert [result["index"] for result in answer["results"]] == [1, 0, 2]
    assert answer["results"][0]["relevance_score"] == pytest.approx((1 + 0.5**0.5) / 2, abs=1e-6)
    assert answer["usage"] == {"prompt_tokens": 0, "total_tokens": 0}
