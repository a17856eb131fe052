from __future__ import annotations

from time import monotonic

import orjson
import pytest

from backend.dialects.redaction import LONGEST_QUOTE, hide_quotes, without_quotes
from backend.errors import BackendFailed, BadRequest, ModelNotFound

KEY = "sk-0123456789abcdef"
PROMPT = 'My password is "correct horse battery staple", my naïve résumé is déjà vu.'
SENT = orjson.dumps(
    {"model": "hf.co/somebody/a-model-with-a-long-name:Q4_K_M", "messages": [{"role": "user", "content": PROMPT}]}
)


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (f"Cannot read: {PROMPT}", "Cannot read: …"),
        (f"Cannot read {PROMPT!r}", "Cannot read '…'"),
        (f"{PROMPT} {PROMPT}", "… …"),
        ('Cannot read `horse battery staple", my`', "Cannot read `…`"),
        ("Cannot read naïve résumé is déjà vu. at 5", "Cannot read… at 5"),
        ("Cannot read `battery staple`", "Cannot read `battery staple`"),
        (f"The key {KEY} is wrong", "The key … is wrong"),
        (f"Bearer {KEY}, {KEY}", "Bearer …, …"),
        ("`max_completion_tokens` must be at least 1", "`max_completion_tokens` must be at least 1"),
        ("", ""),
        ("é", "é"),
    ],
)
def test_long_stretches_of_the_request_are_taken_out_and_short_ones_stay(said: str, shown: str) -> None:
    assert hide_quotes(said, SENT, KEY) == shown


@pytest.mark.parametrize("start", range(len(PROMPT) - LONGEST_QUOTE))
def test_a_stretch_is_found_wherever_it_stands(start: int) -> None:
    quote = PROMPT[start : start + LONGEST_QUOTE]

    for before in range(0, 30, 7):
        said = hide_quotes("=" * before + quote + "=" * 5, SENT, "")

        assert quote not in said
        assert "…" in said


def test_the_models_name_stays() -> None:
    name = "hf.co/somebody/a-model-with-a-long-name:Q4_K_M"

    error = without_quotes(ModelNotFound(f"model '{name}' not found"), SENT, KEY, name)

    assert error.message == str(error) == f"model '{name}' not found"


@pytest.mark.parametrize(
    ("param", "shown"),
    [
        ("messages[0].content", "messages[0].content"),
        (None, None),
        ("my password is", None),
        (KEY, None),
        ("a" * 65, None),
    ],
)
def test_a_param_is_the_name_of_a_field_or_nothing(param: str | None, shown: str | None) -> None:
    assert without_quotes(BadRequest("No.", param), SENT, KEY, "").param == shown


def test_an_error_without_quotes_is_the_same_error() -> None:
    error = BackendFailed("The backend failed: disk full.", "disk_full")

    assert without_quotes(error, SENT, "", "") is error
    assert (error.message, error.code, error.status) == ("The backend failed: disk full.", "disk_full", 502)


def test_a_large_request_is_searched_in_no_time() -> None:
    sent = orjson.dumps({"prompt": "aaaaaaaaaaab" * 700_000})
    start = monotonic()

    assert hide_quotes("The model said: " + "aaaaaaaaaaab" * 30, sent, KEY) == "The model said: …"

    assert monotonic() - start < 1
