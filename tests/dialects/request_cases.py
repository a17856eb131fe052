"""Runs the request corpora: `{label, input, expect | error, says?, code?, note}`.

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

from backend.errors import GatewayError

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
