from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.errors import BadRequest
from backend.routes.body import parse_object


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b"{", "not JSON"),
        (b"null", "object"),
        (b"[]", "object"),
        (b'"text"', "object"),
        (b'{"a":1,"a":2}', "twice"),
        (b'{"a":{"b":1,"b":2}}', "twice"),
        (b'{"a":NaN}', "NaN"),
        (b'{"a":-Infinity}', "Infinity"),
        (b'{"a":1e999}', "too large"),
        (b'{"a":' + b"9" * 5000 + b"}", "too large"),
        (b'{"a":"\\ud800"}', "half a character"),
        (b'{"\\udfff":1}', "half a character"),
        ('{"a":1}'.encode("utf-16"), "UTF-8"),
        (b'{"a":"\xff"}', "UTF-8"),
        (b'\xef\xbb\xbf{"a":1}', "not JSON"),
        (b'{"a":' * 65 + b"1" + b"}" * 65, "deeper"),
        (b'{"a":' * 5000 + b"1" + b"}" * 5000, "deeper"),
        (b"[" * 100_000, "deeper"),
        (b'{"a":1} {"b":2}', "not JSON"),
        (b'{"a":[' + b"[]," * 200_000 + b"1]}", "more than 200000 values"),
        (b'{"a":[' + b"1," * 200_000 + b"1]}", "more than 200000 values"),
        (b'{"a":[' + b'"\\\\",' * 200_000 + b"1]}", "more than 200000 values"),
        (b'{"a":"' + b'","' * 900_000 + b'"}', "more than 200000 values"),
    ],
)
def test_a_body_that_is_no_plain_json_object_is_refused_in_words(data: bytes, words: str) -> None:
    with pytest.raises(BadRequest) as refused:
        parse_object(data)

    assert words in refused.value.message


def test_a_body_may_be_nested_up_to_the_limit() -> None:
    assert parse_object(b'{"a":' * 64 + b"1" + b"}" * 64)


def test_commas_and_brackets_within_a_text_are_no_values() -> None:
    text = 'one, two, [three], {four} \\ "five" \\" ' * 100_000

    assert parse_object(json.dumps({"a": text}).encode()) == {"a": text}


def test_surrogate_pairs_are_whole_characters() -> None:
    assert parse_object(b'{"a":"\\ud83d\\ude00"}') == {"a": "😀"}


@given(
    st.dictionaries(
        st.text(),
        st.recursive(st.none() | st.booleans() | st.integers(-(10**18), 10**18) | st.text(), st.lists, max_leaves=5),
    )
)
def test_what_json_writes_is_read_back(value: dict[str, object]) -> None:
    assert parse_object(json.dumps(value).encode()) == value


@given(st.binary())
def test_any_bytes_are_an_object_or_a_refusal(data: bytes) -> None:
    with contextlib.suppress(BadRequest):
        assert isinstance(parse_object(data), dict)
