"""Event by event beside llama.cpp's own /v1/messages: the same engine, asked directly and through the gateway."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from backend.engine.engine import Engine
from tests.engine.running_engine import eventually, load_of
from tests.running_gateway import RunningGateway

Ask = tuple[str, dict[str, str]]
QUESTION: Any = {"role": "user", "content": "What is a token?"}
CASES: dict[str, dict[str, Any]] = {
    "a question": {"max_tokens": 100, "messages": [QUESTION]},
    "a cut answer": {"max_tokens": 7, "messages": [QUESTION]},
    "a system prompt": {
        "max_tokens": 30,
        "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
        "messages": [{"role": "user", "content": [{"type": "text", "text": "What is Passerelle?"}]}],
    },
    "a conversation": {
        "max_tokens": 30,
        "messages": [QUESTION, {"role": "assistant", "content": "A piece of text."}, QUESTION],
    },
    "a stop sequence": {"max_tokens": 100, "messages": [QUESTION], "stop_sequences": ["zzz", "pieces"]},
    "a prefilled answer": {"max_tokens": 20, "messages": [QUESTION, {"role": "assistant", "content": "Tokens are"}]},
}


@pytest.fixture(scope="module")
def both() -> Iterator[tuple[Ask, Ask]]:
    """Where llama.cpp itself is asked, and the gateway over it."""
    engine = Engine()
    engine.load(load_of())
    try:
        assert eventually(lambda: engine.ready() is not None)
        address = engine.ready()
        assert address is not None
        url = f"http://127.0.0.1:{address.port}"
        with RunningGateway(BACKEND="openai", OPENAI_URL=f"{url}/v1", OPENAI_API_KEY=address.key) as gateway:
            yield (url, {"Authorization": f"Bearer {address.key}"}), (gateway.url, {})
    finally:
        engine.stop()


def ask(where: Ask, path: str, body: dict[str, Any]) -> requests.Response:
    url, headers = where
    return requests.post(url + path, json={"model": "demo", "temperature": 0, **body}, headers=headers, timeout=30)


def events(response: requests.Response) -> list[tuple[str, Any]]:
    found = []
    for block in response.text.strip().split("\n\n"):
        name, data = block.split("\n")
        found.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return found


def input_tokens(usage: dict[str, int]) -> int:
    """With what was read from the cache, which depends on what was asked before."""
    return usage["input_tokens"] + usage["cache_read_input_tokens"]


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_stream_has_the_same_events(both: tuple[Ask, Ask], case: dict[str, Any]) -> None:
    direct, through = (events(ask(where, "/v1/messages", {**case, "stream": True})) for where in both)

    is_stopped = "stop_sequences" in case
    assert [name for name, _ in through if name != "content_block_delta"] == [
        name for name, _ in direct if name != "content_block_delta"
    ]
    texts = [
        "".join(data["delta"]["text"] for name, data in each if name == "content_block_delta")
        for each in (direct, through)
    ]
    assert texts[0] == texts[1]
    if not is_stopped:
        assert through[1:-2] == direct[1:-2], "the blocks, piece by piece"
    start, end = through[0][1]["message"], through[-2][1]
    direct_start, direct_end = direct[0][1]["message"], direct[-2][1]
    assert start.keys() == direct_start.keys()
    assert input_tokens(start["usage"]) == input_tokens(direct_start["usage"])
    assert end["delta"]["stop_sequence"] == direct_end["delta"]["stop_sequence"]
    assert is_stopped or end["delta"] == direct_end["delta"]
    assert is_stopped or end["usage"]["output_tokens"] == direct_end["usage"]["output_tokens"]


@pytest.mark.parametrize("case", [case for name, case in CASES.items() if name != "a prefilled answer"])
def test_a_whole_answer_says_the_same(both: tuple[Ask, Ask], case: dict[str, Any]) -> None:
    direct, through = (ask(where, "/v1/messages", case).json() for where in both)

    assert through.keys() == direct.keys()
    for name in ("type", "role", "content", "stop_sequence"):
        assert through[name] == direct[name]
    assert input_tokens(through["usage"]) == input_tokens(direct["usage"])


def test_a_prefilled_answer_goes_on_and_is_not_said_again(both: tuple[Ask, Ask]) -> None:
    """As at Anthropic; llama.cpp begins its whole answer with what it was given, and only streams the rest."""
    case = CASES["a prefilled answer"]
    direct, through = (ask(where, "/v1/messages", case).json()["content"][0]["text"] for where in both)

    assert "Tokens are" + through == direct


def test_a_stop_sequence_that_ended_an_answer_is_the_reason(both: tuple[Ask, Ask]) -> None:
    """As at Anthropic; llama.cpp names it and calls it the model's own end."""
    direct, through = (ask(where, "/v1/messages", CASES["a stop sequence"]).json() for where in both)

    assert (direct["stop_reason"], through["stop_reason"]) == ("end_turn", "stop_sequence")


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_tokens_are_the_same(both: tuple[Ask, Ask], case: dict[str, Any]) -> None:
    direct, through = (ask(where, "/v1/messages/count_tokens", case) for where in both)

    assert through.json() == direct.json()
    assert "x-passerelle-estimated" not in through.headers


def test_a_prompt_that_does_not_fit_is_refused_in_anthropics_shape(both: tuple[Ask, Ask]) -> None:
    """llama.cpp answers in OpenAI's, which Anthropic's clients cannot read."""
    body = {"max_tokens": 10, "messages": [{"role": "user", "content": "word " * 5000}]}
    direct, through = (ask(where, "/v1/messages", body) for where in both)

    assert direct.status_code == through.status_code == 400
    assert "type" not in direct.json()
    assert through.json()["type"] == "error"
    assert "prompt is too long: " in through.json()["error"]["message"]
