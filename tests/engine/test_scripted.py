"""What a real engine makes of known texts: thinking, calls, characters cut in tokens, circles, words to go on from."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.engine.running_engine import eventually
from tests.engine.scripted import ABLE, LINE, scripted
from tests.gateway.wire import events, text_of
from tests.running_gateway import RunningGateway

CHAT = "/v1/chat/completions"
HELLO = [{"role": "user", "content": "Hello"}]
CALL = [
    "<tool_",
    'call>\n{"name": "',
    "get_weather",
    '", "arguments": ',
    '{"city": ',
    '"Paris',
    '"',
    "}",
    "}\n",
    "</tool_call>",
]
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS = [{"type": "function", "function": {"name": "get_weather", "parameters": CITY}}]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    folder = tmp_path_factory.mktemp("models")
    write_models(folder)
    with RunningGateway(BACKEND="embedded", MODELS_DIR=folder) as gateway:
        yield gateway


def write_models(folder: Path) -> None:
    thoughts = ["<thi", "nk>\n", "It rains ", "often.", "\n</think>\n\n", "Take ", "an umbrella."]
    scripted(folder / "thinker.gguf", {LINE: thoughts}, ABLE)
    scripted(folder / "caller.gguf", {LINE: ["<think>\n", "I need ", "a tool.", "\n</think>\n\n", *CALL]}, ABLE)
    scripted(folder / "counter.gguf", {LINE: ["one ", "two ", "three "]}, is_endless=True)
    scripted(folder / "singer.gguf", {LINE: ["la "]}, is_endless=True)
    cut = [
        "Caf",
        b"\xc3",
        b"\xa9",
        " ",
        b"\xf0\x9f",
        b"\x8c",
        b"\x89",
        ": ",
        b"\xe6\x97\xa5",
        b"\xe6\x9c",
        b"\xac",
        ".",
    ]
    scripted(folder / "cutter.gguf", {LINE: cut, "e": [" there ", "was ", "a bridge."]})


def ask(gateway: RunningGateway, model: str, messages: Any = HELLO, **more: Any) -> dict[str, Any]:
    """The one choice of a whole answer. The engine may still be busy with the test before."""
    answers: list[Any] = []

    def is_answered() -> bool:
        answers.append(gateway.post(CHAT, {"model": model, "messages": messages, **more}))
        return answers[-1].status_code != 503

    assert eventually(is_answered)
    assert answers[-1].status_code == 200, answers[-1].text
    choice: dict[str, Any] = answers[-1].json()["choices"][0]
    return choice


def test_thinking_is_parted_from_the_answer(gateway: RunningGateway) -> None:
    choice = ask(gateway, "thinker")

    assert choice["message"]["reasoning_content"] == "It rains often.\n"
    assert choice["message"]["content"] == "Take an umbrella."
    assert choice["finish_reason"] == "stop"


def test_a_call_is_a_call_streamed_and_whole(gateway: RunningGateway) -> None:
    choice = ask(gateway, "caller", tools=TOOLS)
    streamed = gateway.post(CHAT, {"model": "caller", "messages": HELLO, "tools": TOOLS, "stream": True})

    (call,) = choice["message"]["tool_calls"]
    assert (call["function"]["name"], json.loads(call["function"]["arguments"])) == ("get_weather", {"city": "Paris"})
    assert choice["finish_reason"] == "tool_calls"
    pieces = [
        piece["function"]
        for event in events(streamed.content)[:-1]
        for part in event["choices"]
        for piece in part["delta"].get("tool_calls", ())
    ]
    assert "".join(piece.get("name") or "" for piece in pieces) == "get_weather"
    assert json.loads("".join(piece.get("arguments") or "" for piece in pieces)) == {"city": "Paris"}


def test_a_call_that_the_limit_cut_may_come_back(gateway: RunningGateway) -> None:
    choice = ask(gateway, "caller", tools=TOOLS, max_tokens=10)
    (call,) = choice["message"]["tool_calls"]
    assert choice["finish_reason"] == "length"
    with pytest.raises(json.JSONDecodeError):
        json.loads(call["function"]["arguments"])

    result = {"role": "tool", "tool_call_id": call["id"], "content": "What city?"}
    again = ask(gateway, "caller", [*HELLO, choice["message"], result], tools=TOOLS)

    assert again["finish_reason"] == "tool_calls"


@pytest.mark.parametrize(("model", "text"), [("counter", "one two three "), ("singer", "la ")])
def test_a_text_without_an_end_ends_at_the_limit(gateway: RunningGateway, model: str, text: str) -> None:
    choice = ask(gateway, model, max_tokens=60)

    assert choice["message"]["content"] == text * (60 // len(text.split()))
    assert choice["finish_reason"] == "length"


def test_characters_that_are_cut_in_tokens_arrive_whole(gateway: RunningGateway) -> None:
    assert ask(gateway, "cutter")["message"]["content"] == "Café 🌉: 日本."

    streamed = gateway.post(CHAT, {"model": "cutter", "messages": HELLO, "stream": True})

    assert text_of(streamed.content) == "Café 🌉: 日本."


def test_an_answer_goes_on_from_the_assistants_words_without_repeating_them(gateway: RunningGateway) -> None:
    beginning = {"role": "assistant", "content": "Once upon a time"}

    assert ask(gateway, "cutter", [*HELLO, beginning])["message"]["content"] == " there was a bridge."
