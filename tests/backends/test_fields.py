from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.backends import fields
from backend.backends.lmstudio import _from_v0, _from_v1
from backend.backends.openai import _model, _shown

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=10,
)
NAMES = st.sampled_from(
    [
        *("id", "key", "name", "model", "type", "state", "capabilities", "quantization", "loaded_instances", "config"),
        *("context_length", "max_context_length", "meta", "status", "value", "owned_by", "architecture", "variants"),
        *("input_modalities", "size_bytes", "params_string", "created"),
    ]
)
ENTRIES = st.dictionaries(NAMES, JSON_VALUES | st.dictionaries(NAMES, JSON_VALUES, max_size=4), max_size=10)


@pytest.mark.parametrize(
    ("number", "said"),
    [(3_212_749_888, "3.21B"), (172_352, "172K"), (134_515_008, "135M"), (7, "7"), (0, None), ("7B", None)],
)
def test_parameters_are_counted_as_people_do(number: Any, said: str | None) -> None:
    assert fields.scale(number) == said


@pytest.mark.parametrize("value", [None, True, -1, 0, 1.5, "8192", [], {}, 2**70])
def test_a_count_is_a_whole_number_above_zero(value: Any) -> None:
    assert fields.count(value) is None


@pytest.mark.parametrize("value", [None, 7, "", " ", "a\nb", "a\x1b[31m", "x" * 301, ["a"]])
def test_a_word_is_short_and_printable(value: Any) -> None:
    assert fields.word(value) is None


def test_what_is_shown_has_an_end() -> None:
    nested: Any = "x"
    for _ in range(50):
        nested = {"a": nested}

    shown = fields.bounded({"text": "y" * 10**6, "list": list(range(10**5)), "nested": nested})

    assert len(orjson.dumps(shown)) < 100_000


@settings(max_examples=40, deadline=None)
@given(ENTRIES)
def test_any_json_in_a_listing_is_read_or_left_out_and_never_raises(entry: dict[str, Any]) -> None:
    assert fields.entries([entry]) == [entry]
    for read in (_from_v0, _from_v1):
        found = read("b", entry)
        assert found is None or isinstance(found.model.id, str)
    shown = _shown(_model("b", "m", entry, entry), entry)
    assert shown["model"] == "m"
