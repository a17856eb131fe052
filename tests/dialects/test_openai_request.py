"""Requests of OpenAI's dialect: what becomes of every field, and of any JSON at all."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.dialects.chat import EmbeddingRequest
from backend.dialects.fields import Fields
from backend.dialects.messages import read_messages, write_messages
from backend.dialects.openai.request import (
    CHAT_FIELDS,
    COMPLETION_FIELDS,
    EMBEDDING_FIELDS,
    parse_chat,
    parse_completion,
    parse_embeddings,
)
from backend.errors import BadRequest, GatewayError
from tests.dialects.request_cases import CORPUS, NESTED, bodies, cases, check, check_refusal, json_values

USER = {"role": "user", "content": "Hi"}


def text_of(tokens: Sequence[int]) -> str:
    """As a vocabulary of 100,256 tokens."""
    for token in tokens:
        if not 0 <= token < 100_256:
            raise KeyError(token)
    return "".join(f"<{token}>" for token in tokens)


def parse_texts(body: dict[str, Any]) -> EmbeddingRequest:
    return parse_embeddings(body, text_of)


@cases("openai_chat_requests.json")
def test_a_chat_request_is_read_as_the_corpus_says(case: dict[str, Any]) -> None:
    check(parse_chat, {"messages": [USER], **case["input"]}, case)


@cases("openai_completion_requests.json")
def test_a_completion_request_is_read_as_the_corpus_says(case: dict[str, Any]) -> None:
    check(parse_completion, case["input"], case)


@cases("openai_embedding_requests.json")
def test_an_embedding_request_is_read_as_the_corpus_says(case: dict[str, Any]) -> None:
    check(parse_texts, case["input"], case)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 10**400])
def test_a_number_that_is_none_is_refused_wherever_a_number_is_read(value: float) -> None:
    for name in ("temperature", "max_tokens", "keep_alive", "seed", "n"):
        with pytest.raises(BadRequest):
            parse_chat({"messages": [USER], name: value})
    with pytest.raises(BadRequest):
        parse_chat({"messages": [USER], "options": {"mirostat": value}})


def test_a_long_name_in_a_request_is_refused_with_its_limit() -> None:
    assert parse_chat({"model": "m" * 512, "messages": [USER]}).model == "m" * 512
    with pytest.raises(BadRequest, match="512"):
        parse_chat({"model": "m" * 513, "messages": [USER]})


def test_no_more_than_twenty_dropped_fields_are_named() -> None:
    request = parse_chat({"messages": [USER], "x": 1, "y" * 64: 1, "z" * 65: 1, **{f"x{i}": i for i in range(50)}})

    assert request.ignored == ("x", "y" * 64, *(f"x{i}" for i in range(18)))


def test_more_options_than_any_model_has_are_refused() -> None:
    with pytest.raises(BadRequest) as caught:
        parse_chat({"messages": [USER], "options": {f"o{i}": i for i in range(65)}})

    assert caught.value.param == "options"


def test_as_many_texts_as_openai_takes_are_embedded_and_not_one_more() -> None:
    assert len(parse_texts({"input": ["a"] * 2048}).inputs) == 2048
    with pytest.raises(BadRequest):
        parse_texts({"input": ["a"] * 2049})


def test_a_message_of_an_error_never_repeats_what_the_caller_wrote() -> None:
    secret = "canary-7f3a"
    bodies: list[dict[str, Any]] = [
        {"messages": [{"role": secret, "content": "Hi"}]},
        {"messages": [{"role": "user", "content": [{"type": secret}]}]},
        {"messages": [USER], "reasoning_effort": secret},
        {"messages": [USER], "temperature": secret},
        {"messages": [USER], "tools": [{"type": "function", "function": {"name": f"{secret} x"}}]},
        {"messages": [USER], "logit_bias": {secret: 1}},
        {"messages": [USER], "options": {f"{secret}": {}}},
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": f"http://{secret}"}]}]},
    ]
    for body in bodies:
        with pytest.raises(GatewayError) as caught:
            parse_chat(body)
        assert secret not in caught.value.message


def test_messages_that_are_written_are_read_back_the_same() -> None:
    read = [case for case in json.loads((CORPUS / "openai_chat_requests.json").read_text()) if "expect" in case]
    conversations = [case["input"]["messages"] for case in read if "messages" in case["input"]]
    assert len(conversations) > 10
    for conversation in conversations:
        messages = read_messages(Fields({"messages": conversation}))

        again = json.loads(json.dumps(write_messages(messages)))

        assert read_messages(Fields({"messages": again})) == messages


# -- any JSON at all ----------------------------------------------------------------------------


@settings(max_examples=120, deadline=None)
@given(bodies(CHAT_FIELDS), st.booleans())
def test_any_object_is_a_chat_request_or_a_gateway_error(body: dict[str, Any], has_message: bool) -> None:
    check_refusal(parse_chat, {**body, "messages": [USER]} if has_message else body)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from(NESTED), json_values(), max_size=6), min_size=1, max_size=3))
def test_any_messages_are_a_chat_request_or_a_gateway_error(messages: list[Any]) -> None:
    check_refusal(parse_chat, {"messages": [{"role": "assistant", **each} for each in messages]})


@settings(max_examples=60, deadline=None)
@given(bodies(COMPLETION_FIELDS))
def test_any_object_is_a_completion_request_or_a_gateway_error(body: dict[str, Any]) -> None:
    check_refusal(parse_completion, {"prompt": "a", **body})


@settings(max_examples=60, deadline=None)
@given(bodies(EMBEDDING_FIELDS))
def test_any_object_is_an_embedding_request_or_a_gateway_error(body: dict[str, Any]) -> None:
    check_refusal(parse_texts, {"input": "a", **body})
