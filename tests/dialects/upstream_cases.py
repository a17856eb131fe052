"""Answers of backends, and what must come of them.

Corpora: `{label, input, expect, note}`. `input` holds what is said, `expect` the events in short: `["text", choice,
text]`, with what belongs together joined, so that it does not matter where a body was cut.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from backend.dialects.chat import (
    Completed,
    Event,
    Failed,
    Finished,
    ReasoningDelta,
    Started,
    StreamDecoder,
    TextDelta,
    ToolCallDelta,
    Usage,
)

CORPUS = Path(__file__).resolve().parent.parent / "corpus"
FRAME = {"id": "c1", "object": "chat.completion.chunk", "created": 1795256084, "model": "m", "system_fingerprint": "f"}


def recorded(name: str) -> bytes:
    return (CORPUS / name).read_bytes()


def cases(name: str) -> Any:
    read = json.loads(recorded(name))
    labels = [case["label"] for case in read]
    assert len(set(labels)) == len(labels)
    return pytest.mark.parametrize("case", read, ids=labels)


def sse(inputs: Iterable[Any]) -> bytes:
    """Chunks within a frame that stays the same, `{"event", "data"}` as a named event, strings as they are."""
    return b"".join(map(_event, inputs))


def _event(said: Any) -> bytes:
    if isinstance(said, dict) and "event" in said:
        return b"event: " + said["event"].encode() + b"\n" + _event(said["data"])
    if isinstance(said, dict) and "choices" in said and isinstance(said["choices"], list):
        said = {**FRAME, **said}
    text = said if isinstance(said, str) else json.dumps(said, ensure_ascii=False)
    return b"data: " + text.encode() + b"\n\n"


def ndjson(inputs: Iterable[Any]) -> bytes:
    return b"".join((said if isinstance(said, str) else json.dumps(said)).encode() + b"\n" for said in inputs)


def decode(decoder: StreamDecoder, content_type: str, pieces: Iterable[bytes], *, is_whole: bool = True) -> list[Event]:
    """All events; `is_whole` says that the body came to its own end."""
    decoder.begin(content_type)
    events = [event for piece in pieces for event in decoder.feed(piece)]
    return events + (decoder.end() if is_whole else [])


def each_byte(body: bytes) -> list[bytes]:
    return [body[index : index + 1] for index in range(len(body))]


def assert_decodes(make: Callable[[], StreamDecoder], content_type: str, body: bytes, expect: list[Any]) -> None:
    """Whole, byte by byte and in threes; and, where the body has an end of its own, with more bytes behind it."""
    threes = [body[index : index + 3] for index in range(0, len(body), 3)]
    for pieces in ([body], each_byte(body), threes):
        assert shape(decode(make(), content_type, pieces)) == expect
    before_end = decode(make(), content_type, [body], is_whole=False)
    if before_end and isinstance(before_end[-1], (Completed, Failed)):
        more = b'\ndata: {"choices":5}\n\n{"done":5}\n\xff\n\n'
        assert shape(decode(make(), content_type, [body, more])) == expect
        assert shape(decode(make(), content_type, [body + more])) == expect


def shape(events: Iterable[Event]) -> list[Any]:
    shapes: list[Any] = []
    for event in events:
        short = _short(event)
        last = shapes[-1] if shapes else [None]
        if short[0] in ("text", "reasoning") and last[:2] == short[:2]:
            last[2] += short[2]
        elif short[0] == "tool" and short[3:5] == [None, None] and last[:3] == short[:3]:
            last[5] += short[5]
        else:
            shapes.append(short)
    return shapes


def _short(event: Event) -> list[Any]:
    match event:
        case Started():
            return ["started"]
        case TextDelta():
            return ["text", event.choice, event.text]
        case ReasoningDelta():
            return ["reasoning", event.choice, event.text]
        case ToolCallDelta():
            return ["tool", event.choice, event.index, event.id, event.name, event.arguments]
        case Finished():
            return ["finished", event.choice, event.reason]
        case Usage():
            return ["usage", _told(event)]
        case Failed():
            assert event.error.message.isprintable()
            return ["failed", event.error.code]
        case Completed():
            return ["completed"]
    raise AssertionError(event)


def _told(usage: Usage) -> dict[str, Any]:
    names = ("cached_tokens", "reasoning_tokens", "load_ms", "prompt_ms", "eval_ms")
    told = {name: getattr(usage, name) for name in names if getattr(usage, name) is not None}
    return {"input_tokens": usage.input_tokens, "output_tokens": usage.output_tokens, **told}
