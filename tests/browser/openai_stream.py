"""Events of an OpenAI stream, written by hand, for scripts that pause, cut and fail between them."""

from __future__ import annotations

import json
from typing import Any

from tests.fake_backend import Bytes, Head

PATH = "/v1/chat/completions"
BEGIN = Head(200, {"content-type": "text/event-stream"})
DONE = Bytes(b"data: [DONE]\n\n")


def said(text: str) -> Bytes:
    return event({"content": text})


def thought(text: str) -> Bytes:
    return event({"reasoning_content": text})


def finish(reason: str) -> Bytes:
    return event({}, reason)


def usage(read: int, written: int) -> Bytes:
    return _bytes([], usage={"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written})


def event(delta: dict[str, Any], reason: str | None = None) -> Bytes:
    return _bytes([{"index": 0, "delta": {"role": "assistant", **delta}, "finish_reason": reason}])


def _bytes(choices: list[Any], **more: Any) -> Bytes:
    frame = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1_795_000_000,
        "model": "llama3.2:latest",
    }
    return Bytes(b"data: " + json.dumps({**frame, "choices": choices, **more}).encode() + b"\n\n")
