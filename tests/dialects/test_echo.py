from __future__ import annotations

from time import process_time
from typing import Any

import pytest

from backend.dialects.chat import ChatRequest, Event, Message, StreamDecoder, Text, ToolCall
from backend.dialects.echo import without_echo
from backend.dialects.ollama.upstream.decoder import OllamaDecoder
from tests.dialects.upstream_cases import decode, each_byte, ndjson, shape

WORDS = "Once upon a time"


def request(*messages: Message) -> ChatRequest:
    return ChatRequest("m", messages)


def spoken(words: str = WORDS) -> Message:
    return Message("assistant", (Text(words),))


def body(*pieces: str, thinking: str = "", end: str = "stop") -> bytes:
    lines: list[Any] = [{"message": {"role": "assistant", "content": "", "thinking": thinking}, "done": False}]
    lines += [{"message": {"role": "assistant", "content": piece}, "done": False} for piece in pieces]
    last = {"message": {"role": "assistant", "content": ""}, "done": True, "done_reason": end}
    return ndjson([*lines, last] if end else lines)


def text_of(events: list[Event]) -> str:
    return "".join(event[2] for event in shape(events) if event[0] == "text")


@pytest.mark.parametrize(
    ("pieces", "text"),
    [
        ([WORDS, " there was"], " there was"),
        (["Once ", "upon ", "a ", "time", " there", " was"], " there was"),
        (["On", "ce upon a time there was"], " there was"),
        ([WORDS], ""),
        ([" there was"], " there was"),
        (["Once upon a mattress"], "Once upon a mattress"),
        (["Once ", "upon ", "another"], "Once upon another"),
        (["Once ", "upon"], "Once upon"),
        ([WORDS, WORDS], WORDS),
        ([], ""),
    ],
)
def test_a_whole_and_exact_copy_is_left_out(pieces: list[str], text: str) -> None:
    for cut in ([body(*pieces)], each_byte(body(*pieces))):
        decoder = without_echo(OllamaDecoder(), request(Message("user", (Text("Tell"),)), spoken()), 1)
        events = decode(decoder, "application/x-ndjson", cut)
        assert text_of(events) == text
        assert shape(events)[-1] == ["completed"]


def test_what_was_held_back_comes_before_the_failure_that_ends_it() -> None:
    decoder = without_echo(OllamaDecoder(), request(spoken()))

    events = shape(decode(decoder, "application/x-ndjson", [body("Once ", "upon", end="")]))

    assert events[-2:] == [["text", 0, "Once upon"], ["failed", "truncated"]]


def test_thoughts_pass() -> None:
    decoder = without_echo(OllamaDecoder(), request(spoken()))

    events = shape(decode(decoder, "application/x-ndjson", [body(WORDS, "!", thinking="Hm")]))

    assert events[1:3] == [["reasoning", 0, "Hm"], ["text", 0, "!"]]


@pytest.mark.parametrize(
    "messages",
    [
        (),
        (Message("user", (Text(WORDS),)),),
        (spoken(), Message("user", (Text("Go on"),))),
        (Message("assistant", (Text(WORDS),), tool_calls=(ToolCall("c", "f", "{}"),)),),
        (Message("assistant"),),
        (spoken("{"),),
    ],
)
def test_only_the_assistants_last_words_can_be_repeated(messages: tuple[Message, ...]) -> None:
    decoder: StreamDecoder = OllamaDecoder()

    assert without_echo(decoder, request(*messages)) is decoder


def test_a_long_copy_costs_no_more_than_its_length() -> None:
    words = "ab" * 100_000
    decoder = without_echo(OllamaDecoder(), request(spoken(words)))
    started = process_time()

    events = decode(decoder, "application/x-ndjson", [body(*["ab"] * 100_000, "!")])

    assert text_of(events) == "!"
    assert process_time() - started < 20
