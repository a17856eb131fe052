"""What real clients of Anthropic's send, replayed one by one: each is answered, or refused for a reason.

The requests were made by anthropic-python 2.14 and 0.125, anthropic-node 1.14 and Claude Code 2.1.332; keys are KEY,
and longer texts are gone.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from anthropic.types import Message, MessageTokensCount, ModelInfo

from tests.dialects.request_cases import CORPUS
from tests.fake_backend import FakeBackend
from tests.gateway.wire import CHAT
from tests.running_gateway import RunningGateway

Pair = tuple[FakeBackend, RunningGateway]
KEY = "key-that-is-right-0123456789"
SENT: list[dict[str, Any]] = json.loads((CORPUS / "anthropic_client_requests.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module", params=["openai", "ollama"])
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    kind = request.param
    with FakeBackend(kind, ["fake-chat"]) as fake:
        urls = {"OPENAI_URL": fake.url + "/v1", "OLLAMA_URL": fake.url}
        with RunningGateway(BACKEND=kind, API_KEYS=KEY, **urls) as gateway:
            yield fake, gateway


def replay(gateway: RunningGateway, sent: dict[str, Any]) -> requests.Response:
    """As it was sent, with a key that is known; where two are shown, the other is an old one."""
    headers = {name: value.replace("KEY", KEY) for name, value in sent["headers"].items()}
    if {"authorization", "x-api-key"} <= headers.keys():
        headers["x-api-key"] = "an-old-key"
    return requests.request(
        sent["method"], gateway.url + sent["path"], headers=headers, json=sent["body"], timeout=20, stream=False
    )


@pytest.mark.parametrize("sent", SENT, ids=[sent["label"] for sent in SENT])
def test_a_request_is_answered_as_its_client_expects(pair: Pair, sent: dict[str, Any]) -> None:
    fake, gateway = pair

    answer = replay(gateway, sent)

    assert answer.status_code == sent["status"]
    assert answer.headers["request-id"] == answer.headers["x-request-id"]
    if answer.status_code == 400:
        assert answer.json()["error"]["details"]["error_code"] == "thread_unsupported_request"
    elif (sent["body"] or {}).get("stream"):
        assert answer.text.startswith("event: message_start\n")
        assert answer.text.endswith('event: message_stop\ndata: {"type":"message_stop"}\n\n')
        assert "".join(fake.fake.tokens)[:5] in answer.text
    elif sent["path"].startswith("/v1/models"):
        listed = answer.json().get("data") or [answer.json()]
        ids = [ModelInfo.model_validate(model).id for model in listed]
        assert ids in (["fake-chat"], ["fake-chat", "use-multilingual"]), "some ask for one a page"
    elif "count_tokens" in sent["path"]:
        assert MessageTokensCount.model_validate(answer.json()).input_tokens > 0
    else:
        assert Message.model_validate(answer.json()).stop_reason == "end_turn"


def sent_as(label: str) -> dict[str, Any]:
    return next(sent for sent in SENT if sent["label"] == label)


def asked(pair: Pair, label: str) -> tuple[Any, requests.Response]:
    """What the backend was asked for this request, and the answer to it."""
    fake, gateway = pair
    answer = replay(gateway, sent_as(label))
    return fake.requests_to(CHAT if fake.kind == "openai" else "/api/chat")[-1].json, answer


def test_claude_codes_tools_are_offered_but_for_those_that_it_defers(pair: Pair) -> None:
    first, _ = asked(pair, "claude-code_01")
    later, _ = asked(pair, "claude-code-defer_02")
    names = [[tool["function"]["name"] for tool in body["tools"]] for body in (first, later)]

    assert "DeferredToolPlaceholder" not in names[0] + names[1]
    assert "WebFetch" not in names[0]
    assert "WebFetch" in names[1], "its search has found it"
    assert len(names[0]) == 11


def test_claude_codes_betas_and_what_it_manages_are_named_as_ignored(pair: Pair) -> None:
    _, answer = asked(pair, "claude-code_01")

    ignored = answer.headers["x-passerelle-ignored"].split(", ")
    assert ignored[:2] == ["context_management", "claude-code-20250219"]
    assert "metadata" not in ignored


def test_claude_codes_books_do_not_reach_the_model(pair: Pair) -> None:
    body, _ = asked(pair, "claude-code_01")

    assert "x-anthropic-billing-header" not in json.dumps(body)
    assert body["messages"][0]["role"] == "system"


def test_parallel_calls_go_back_with_their_results_and_their_thinking(pair: Pair) -> None:
    body, _ = asked(pair, "claude-code-partools_02")

    calling = next(message for message in body["messages"] if message.get("tool_calls"))
    results = [message for message in body["messages"] if message["role"] == "tool"]
    assert len(calling["tool_calls"]) == len(results) == 2
    assert [call["id"] for call in calling["tool_calls"]] == [result["tool_call_id"] for result in results]
    assert (calling.get("thinking") or calling.get("reasoning_content")) == "I think so."


def test_two_keys_of_which_none_is_known_are_refused(pair: Pair) -> None:
    sent = sent_as("claude-code-twokeys_01")
    headers = {**sent["headers"], "authorization": "Bearer an-old-key", "x-api-key": "another"}

    answer = requests.post(pair[1].url + sent["path"], headers=headers, json=sent["body"], timeout=20)

    assert (answer.status_code, answer.json()["error"]["type"]) == (401, "authentication_error")
