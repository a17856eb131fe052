"""What the gateway gave out it takes back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.fake_backend import Bytes, End, FakeBackend, Head
from tests.gateway.wire import CHAT, chat_body
from tests.running_gateway import RunningGateway

Pair = tuple[FakeBackend, RunningGateway]
CUT = '{"city": "Par'
ODD = "get\u00a0weather\n" + "x" * 300


def spoken(name: str, arguments: str) -> bytes:
    """An OpenAI stream of one call that the limit cut."""
    call = {"index": 0, "id": "c\t1", "type": "function", "function": {"name": name, "arguments": arguments}}
    frame = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    chunks: list[Any] = [
        {
            **frame,
            "choices": [{"index": 0, "delta": {"role": "assistant", "tool_calls": [call]}, "finish_reason": None}],
        },
        {**frame, "choices": [{"index": 0, "delta": {}, "finish_reason": "length"}]},
    ]
    return b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks) + b"data: [DONE]\n\n"


@pytest.mark.parametrize(("name", "arguments"), [("get_weather", CUT), (ODD, "{}"), ("f", "{}{}"), ("f", "[1]")])
def test_a_call_that_was_given_out_may_come_back(
    openai_pair: Pair, ollama_pair: Pair, embedded: RunningGateway, name: str, arguments: str
) -> None:
    fake, gateway = openai_pair
    fake.script(CHAT, Head(200, {"content-type": "text/event-stream"}), Bytes(spoken(name, arguments)), End())
    message = gateway.post(CHAT, chat_body(stream=False)).json()["choices"][0]["message"]
    (call,) = message["tool_calls"]
    assert call["function"] == {"name": name, "arguments": arguments}

    result = {"role": "tool", "tool_call_id": call["id"], "content": "?"}
    history = [{"role": "user", "content": "Hello"}, message, result, {"role": "user", "content": "And now?"}]

    for each in (gateway, ollama_pair[1], embedded):
        assert each.post(CHAT, {"messages": history}).status_code == 200, each.log[-2000:]
    sent = fake.requests_to(CHAT)[-1].json["messages"][1]["tool_calls"][0]["function"]
    assert sent == {"name": name, "arguments": arguments}
    native = ollama_pair[0].requests_to("/api/chat")[-1].json["messages"][1]["tool_calls"][0]["function"]
    assert native["arguments"] == ({} if arguments == "{}" else {"arguments": arguments})
