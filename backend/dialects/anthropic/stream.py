"""Writes streams in Anthropic's dialect: a message, its blocks one after the other, how it ended, what it cost.

The hot path is text in an open block: the JSON around it is made once a block.
"""

from __future__ import annotations

from typing import Literal

import orjson

from backend.dialects.anthropic.calls import Call, garbled
from backend.dialects.anthropic.error import write_error
from backend.dialects.anthropic.seal import seal, sign
from backend.dialects.anthropic.usage import write_end, write_start, write_usage
from backend.dialects.chat import (
    JSON,
    ChatRequest,
    Completed,
    Event,
    Failed,
    Finished,
    PromptRead,
    ReasoningDelta,
    TextDelta,
    ToolCallDelta,
    Usage,
)
from backend.errors import GatewayError

CONTENT_TYPE = "text/event-stream; charset=utf-8"
PING = b'event: ping\ndata: {"type":"ping"}\n\n'
_DELTA = b"event: content_block_delta\ndata: "


class MessageStream:
    """`message_start` comes as soon as the prompt's tokens are known, else with the first word; `message_delta` when
    the answer is known to be whole: a failure is an `error` event instead, and nothing follows it."""

    content_type = CONTENT_TYPE
    keep_alive = PING

    def __init__(self, request: ChatRequest, model: str, id: str, request_id: str) -> None:
        self._message: dict[str, JSON] = {"id": id, "type": "message", "role": "assistant", "model": model}
        self._request, self._reasoning = request, request.reasoning
        self._request_id = request_id
        self._has_begun = self._has_ended = False
        self._index = -1
        self._block: Literal["none", "text", "thinking"] | Call = "none"
        self._around: tuple[bytes, bytes] | None = None
        self._thoughts: list[str] = []
        self._calls: dict[int, Call] = {}
        self._finished: Finished | None = None
        self._usage = Usage()

    def encode(self, event: Event) -> bytes:
        if type(event) is TextDelta and self._around is not None and event.choice == 0:
            head, tail = self._around
            return head + orjson.dumps(event.text) + tail
        return b"" if self._has_ended else self._encode(event)

    def _encode(self, event: Event) -> bytes:
        match event:
            case TextDelta(choice=0):
                return self._text(event.text)
            case ReasoningDelta(choice=0) if self._reasoning != "left out":
                return self._thought(event.text)
            case ToolCallDelta(choice=0):
                return self._call(event)
            case PromptRead():
                return self._begin(event)
            case Finished(choice=0):
                self._finished = event
            case Usage():
                self._usage = event
            case Completed():
                return self._end()
            case Failed():
                return self._fail(event.error)
        return b""

    # -- the message

    def _begin(self, prompt: PromptRead | None = None) -> bytes:
        if self._has_begun:
            return b""
        self._has_begun = True
        usage = write_start(prompt, self._request)
        started = {**self._message, "content": [], "stop_reason": None, "stop_sequence": None, "usage": usage}
        return _event("message_start", {"message": started})

    def _end(self) -> bytes:
        rest = b"".join(self._told(call) for call in self._calls.values() if not call.has_begun)
        finished = self._finished or Finished("stop")
        if finished.reason != "length" and any(call.untold or not call.is_whole for call in self._calls.values()):
            return rest + self._fail(garbled())
        written = self._begin() + rest + self._close()
        self._has_ended = True
        end = write_end(finished.reason, finished.stop_text, bool(self._calls))
        return b"".join(
            (
                written,
                _event("message_delta", {"delta": end, "usage": write_usage(self._usage, self._request)}),
                _event("message_stop", {}),
            )
        )

    def _fail(self, error: GatewayError) -> bytes:
        self._has_ended, self._around = True, None
        return _event("error", {**write_error(error), "request_id": self._request_id})

    # -- its blocks

    def _open(self, block: Literal["text", "thinking"] | Call, content: dict[str, JSON]) -> bytes:
        before = self._begin() + self._close()
        self._block = block
        self._index += 1
        return before + _event("content_block_start", {"index": self._index, "content_block": content})

    def _close(self) -> bytes:
        if self._block == "none":
            return b""
        signature = self._signature() if self._block == "thinking" else b""
        self._block, self._around = "none", None
        return signature + _event("content_block_stop", {"index": self._index})

    def _delta(self, delta: dict[str, JSON]) -> bytes:
        return _event("content_block_delta", {"index": self._index, "delta": delta})

    def _text(self, text: str) -> bytes:
        if self._block == "text":
            return self._delta({"type": "text_delta", "text": text})
        opened = self._open("text", {"type": "text", "text": ""})
        head, _, tail = self._delta({"type": "text_delta", "text": ""}).rpartition(b'""')
        self._around = head, tail
        return opened + head + orjson.dumps(text) + tail

    def _thought(self, text: str) -> bytes:
        opened = b""
        if self._block != "thinking":
            opened = self._open("thinking", {"type": "thinking", "thinking": "", "signature": ""})
        self._thoughts.append(text)
        return (
            opened
            if self._reasoning == "sealed"
            else opened + self._delta({"type": "thinking_delta", "thinking": text})
        )

    def _signature(self) -> bytes:
        thinking = "".join(self._thoughts)
        self._thoughts.clear()
        signature = seal(thinking) if self._reasoning == "sealed" else sign(thinking)
        return self._delta({"type": "signature_delta", "signature": signature})

    def _call(self, piece: ToolCallDelta) -> bytes:
        """A call that comes before the one under way has all its arguments waits for the end: blocks follow each other,
        but servers may mix the pieces of calls."""
        call = self._calls.get(piece.index)
        if call is None:
            call = self._calls[piece.index] = Call(piece.id or f"toolu_{piece.index}", piece.name or "")
        call.add(piece.arguments)
        current = self._block
        if isinstance(current, Call) and current is not call and not current.is_whole:
            return b""
        return b"" if call.has_begun and current is not call else self._told(call)

    def _told(self, call: Call) -> bytes:
        opened = b""
        if not call.has_begun:
            call.has_begun = True
            opened = self._open(call, call.block({}))
        untold, call.untold = call.untold, ""
        return opened + self._delta({"type": "input_json_delta", "partial_json": untold}) if untold else opened


def _event(name: str, fields: dict[str, JSON]) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (name.encode(), orjson.dumps({"type": name, **fields}))
