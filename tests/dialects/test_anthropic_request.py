"""Requests of Anthropic's dialect: what becomes of every field, and of any JSON at all."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.dialects.anthropic.request import MESSAGE_FIELDS, parse_messages
from backend.dialects.anthropic.seal import seal, sign, unseal
from backend.errors import GatewayError
from tests.dialects.request_cases import bodies, cases, check, check_refusal, json_values

USER = {"role": "user", "content": "Hi"}
NESTED = (
    "role", "content", "type", "text", "source", "data", "media_type", "tool_use_id", "id", "name", "input", "thinking",
    "signature", "is_error", "budget_tokens", "display", "input_schema", "defer_loading", "format", "schema", "effort",
)  # fmt: skip
KINDS = ("text", "image", "document", "search_result", "tool_use", "tool_result", "thinking", "tool_reference")


@cases("anthropic_message_requests.json")
def test_a_request_is_read_as_the_corpus_says(case: dict[str, Any]) -> None:
    check(parse_messages, {"messages": [USER], **case["input"]}, case)


@pytest.mark.parametrize("thinking", ["", "Hm.", "é✓\n" * 500])
def test_thinking_comes_out_of_its_seal_as_it_went_in(thinking: str) -> None:
    assert unseal(seal(thinking)) == thinking
    assert unseal(sign(thinking)) == ""


def test_a_message_of_an_error_never_repeats_what_the_caller_wrote() -> None:
    secret = "canary-7f3a"
    refused: list[dict[str, Any]] = [
        {"messages": [{"role": secret, "content": "Hi"}]},
        {"messages": [{"role": "user", "content": [{"type": secret}]}]},
        {"messages": [USER], "tools": [{"type": secret, "name": "a"}]},
        {"messages": [USER], "thinking": {"type": secret}},
        {"messages": [USER], "tools": [], "tool_choice": {"type": "tool", "name": secret}},
        {"messages": [{"role": "user", "content": [{"type": "image", "source": {"type": "url", "url": secret}}]}]},
    ]
    for body in refused:
        with pytest.raises(GatewayError) as caught:
            parse_messages(body)
        assert secret not in caught.value.message


@settings(max_examples=120)
@given(bodies(MESSAGE_FIELDS), st.booleans())
def test_any_object_is_a_request_or_a_gateway_error(body: dict[str, Any], has_message: bool) -> None:
    check_refusal(parse_messages, {**body, "messages": [USER]} if has_message else body)


@settings(max_examples=120)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(("user", "assistant", "system")),
            st.lists(
                st.tuples(
                    st.sampled_from(KINDS), st.dictionaries(st.sampled_from(NESTED), json_values(NESTED), max_size=6)
                ),
                max_size=3,
            ),
        ),
        min_size=1,
        max_size=3,
    )
)
def test_any_blocks_are_a_request_or_a_gateway_error(turns: list[Any]) -> None:
    messages = [
        {"role": role, "content": [{**block, "type": kind} for kind, block in blocks]} for role, blocks in turns
    ]
    check_refusal(parse_messages, {"messages": messages})
