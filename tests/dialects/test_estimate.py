"""How many tokens a prompt may have: never fewer than tokenizers find, and not absurdly more.

The counts of the corpus are those of gpt-tokenizer 4.0.0 (cl100k_base and o200k_base), llama-tokenizer-js 1.2.2,
llama3-tokenizer-js 1.2.0 and mistral-tokenizer-js 1.0.0, all from npm: `encode(text).length`.
"""

from __future__ import annotations

import json
from statistics import median
from typing import Any

import pytest

from backend.dialects.anthropic.request import parse_messages
from backend.dialects.estimate import estimate_tokens, weigh
from tests.dialects.request_cases import CORPUS

COUNTS = json.loads((CORPUS / "token_counts.json").read_text(encoding="utf-8"))
LATIN = ("english", "docs", "french", "german", "python", "js", "css", "json", "tools")
USER: dict[str, Any] = {"role": "user", "content": "Hi"}


@pytest.mark.parametrize("case", COUNTS, ids=[case["label"] for case in COUNTS])
def test_no_tokenizer_finds_more_than_is_estimated(case: dict[str, Any]) -> None:
    estimate, counts = weigh(case["text"].encode()), case["counts"].values()

    assert len(counts) == 5
    assert estimate >= max(counts)
    assert estimate <= 5 * median(counts)
    if case["label"] in LATIN:
        assert estimate <= 2 * min(counts)


def test_all_of_a_request_counts() -> None:
    small = parse_messages({"messages": [USER]})
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}}
    tool = {"name": "weather", "description": "d", "input_schema": {"type": "object"}}
    call = {"type": "tool_use", "id": "a", "name": "weather", "input": {"city": "Oslo"}}
    thought = {"type": "thinking", "thinking": "Hm, a tool may help.", "signature": "s"}
    more: list[dict[str, Any]] = [
        {"messages": [USER], "system": "Be brief."},
        {"messages": [{"role": "user", "content": [image, {"type": "text", "text": "Hi"}]}]},
        {"messages": [USER], "tools": [tool]},
        {"messages": [USER, {"role": "assistant", "content": [thought]}, USER]},
        {"messages": [USER, {"role": "assistant", "content": [call]}, USER]},
    ]

    assert [estimate_tokens(parse_messages(body)) > estimate_tokens(small) for body in more] == [True] * len(more)


def test_a_text_that_is_longer_than_any_context_is_not_looked_at() -> None:
    assert weigh(b"a " * 1024 * 1024) > 1024 * 1024
