"""Requests to try: any JSON at all, and the corpora: `{label, input, expect | error, says?, code?, note}`.

`expect` names those parts of the canonical request that matter to the case; `error` is the `param` of the BadRequest
or Unsupported that must come, `code` its code, `says` words of its message.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from backend.errors import BadRequest, GatewayError, Unsupported

CORPUS = Path(__file__).resolve().parent.parent / "corpus"


def cases(name: str) -> Any:
    read = json.loads((CORPUS / name).read_text(encoding="utf-8"))
    labels = [case["label"] for case in read]
    assert len(set(labels)) == len(labels)
    return pytest.mark.parametrize("case", read, ids=labels)


def check(parse: Callable[[dict[str, Any]], Any], body: dict[str, Any], case: dict[str, Any]) -> None:
    if "error" not in case:
        assert_holds(json.loads(json.dumps(asdict(parse(body)))), case["expect"], "request")
        return
    with pytest.raises(GatewayError) as caught:
        parse(body)
    error = caught.value
    assert (error.status, error.param) == (400, case["error"])
    assert error.code == case.get("code", error.code)
    assert case.get("says", "") in error.message
    assert error.message.isprintable()
    assert error.message.endswith(".")


def assert_holds(found: Any, expected: Any, where: str) -> None:
    if isinstance(expected, dict):
        assert isinstance(found, dict), where
        for name, value in expected.items():
            assert_holds(found[name], value, f"{where}.{name}")
    elif isinstance(expected, list):
        assert len(found) == len(expected), where
        for index, value in enumerate(expected):
            assert_holds(found[index], value, f"{where}[{index}]")
    else:
        assert (type(found), found) == (type(expected), expected), where


# -- any JSON at all ----------------------------------------------------------------------------

_SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=8),
    st.sampled_from(
        ["user", "assistant", "tool", "text", "function", "required", "json_schema", "{}", "data:;base64,"]
    ),
    st.text(st.characters(categories=["Cs", "Cc", "Lu"]), max_size=3),
)
NESTED = (
    "role", "content", "type", "text", "image_url", "url", "tool_calls", "function", "name", "arguments", "id",
    "tool_call_id", "json_schema", "schema", "include_usage", "effort", "num_ctx", "stop", "parameters", "strict",
)  # fmt: skip


def json_values(names: tuple[str, ...] = NESTED) -> st.SearchStrategy[Any]:
    keys = st.one_of(st.sampled_from(names), st.text(max_size=4))
    return st.recursive(
        _SCALARS,
        lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(keys, inner, max_size=4)),
        max_leaves=12,
    )


def bodies(names: frozenset[str]) -> st.SearchStrategy[dict[str, Any]]:
    known = st.sampled_from(sorted(names))
    return st.dictionaries(st.one_of(known, known.map(str.title), st.text(max_size=5)), json_values(), max_size=6)


def check_refusal(parse: Callable[[dict[str, Any]], Any], body: dict[str, Any]) -> None:
    """A body is read, or refused by name; any other exception goes through and fails the test."""
    refusal = None
    try:
        parse(body)
    except (BadRequest, Unsupported) as error:
        refusal = error
    assert refusal is None or refusal.param
