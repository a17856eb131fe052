"""Writes streams in OpenAI's dialect: chat chunks and text completions, as server-sent events.

The hot path. A chunk that came from an OpenAI upstream and needs no repair goes on as its own bytes (`raw`);
for any other the JSON around the text is made once a stream, and only the text is written once a token.
"""

from __future__ import annotations

import re

import orjson

from backend.dialects.chat import (
    JSON,
    Completed,
    Event,
    Failed,
    Finished,
    ReasoningDelta,
    Started,
    TextDelta,
    ToolCallDelta,
    Usage,
)
from backend.dialects.logprobs import completion_logprobs, logprobs_length
from backend.dialects.objects import write_error
from backend.dialects.openai.reply import shown_finish_reason, write_usage

CONTENT_TYPE = "text/event-stream; charset=utf-8"
KEEP_ALIVE = b": keep-alive\n\n"  # a comment; an event without data would break openai-python
_DONE = b"data: [DONE]\n\n"
# Inside a JSON text a quote is escaped, so neither can match within a string.
_ROLE = re.compile(rb'"role"\s*:')
_INDEX = re.compile(rb'"index"\s*:\s*([0-9]{1,9})')


class _Stream:
    """What both kinds of stream share: the label of every chunk, usage, the end."""

    content_type = CONTENT_TYPE
    keep_alive = KEEP_ALIVE
    _kind = ""

    def __init__(self, model: str, include_usage: bool, id: str, created: int) -> None:
        self._label: dict[str, JSON] = {"id": id, "object": self._kind, "created": created, "model": model}
        self._include_usage = include_usage
        self._has_ended = False
        self._finished: set[int] = set()

    def _start(self, event: Started) -> bytes:
        """Every chunk shows the upstream's own id, time and name, so that raw chunks and ours agree."""
        told = {"id": event.id or None, "created": event.created, "model": event.model or None}
        self._label.update((name, value) for name, value in told.items() if value is not None)
        return b"" if event.raw is None else _event(event.raw)

    def _end(self, event: Event) -> bytes:
        """Usage only where it was asked for; `[DONE]` after an answer, an error and nothing else after a failure."""
        match event:
            case Usage() if self._include_usage:
                return self._chunk([], {"usage": write_usage(event)})
            case Completed():
                self._has_ended = True
                return _DONE
            case Failed():
                self._has_ended = True
                return _event(orjson.dumps(write_error(event.error)))
        return b""

    def _chunk(self, choices: list[JSON], more: dict[str, JSON] | None = None) -> bytes:
        return _event(orjson.dumps({**self._label, "choices": choices, **(more or {})}))


class ChatStream(_Stream):
    """`chat.completion.chunk`s: the role once a choice, deltas, one finish chunk a choice, usage if asked, `[DONE]`.

    The relay sees to it that a `Usage` comes before `Completed`; a finish chunk is never invented.
    """

    _kind = "chat.completion.chunk"

    def __init__(self, model: str, include_usage: bool, id: str, created: int) -> None:
        super().__init__(model, include_usage, id, created)
        self._has_role: set[int] = set()
        self._around: dict[int, tuple[bytes, bytes]] = {}
        self._calls: dict[int, set[int]] = {}

    def encode(self, event: Event) -> bytes:
        if type(event) is TextDelta and event.choice in self._has_role:
            raw = event.raw
            if raw is not None:
                return b"data: " + raw + b"\n\n"
            if event.logprobs is None:
                head, tail = self._around.get(event.choice) or self._surround(event.choice)
                return head + orjson.dumps(event.text) + tail
        return b"" if self._has_ended else self._encode(event)

    def _encode(self, event: Event) -> bytes:
        match event:
            case Started():
                return self._begin(event)
            case TextDelta():
                more = {} if event.logprobs is None else {"logprobs": event.logprobs}
                return self._delta(event.choice, {"content": event.text}, event.raw, more)
            case ReasoningDelta():
                return self._delta(event.choice, {"reasoning_content": event.text, "reasoning": event.text})
            case ToolCallDelta():
                return self._delta(event.choice, {"tool_calls": [self._tool_call(event)]})
            case Finished():
                return self._finish(event)
            case Completed() | Failed():
                self._has_role.clear()  # takes the short way for text, so that nothing follows the end
        return self._end(event)

    def _begin(self, event: Started) -> bytes:
        """The role waits for the first delta unless it is in `raw`: an upstream may send it along with text."""
        if event.raw is not None and _ROLE.search(event.raw):
            index = _INDEX.search(event.raw)
            self._has_role.add(int(index[1]) if index else 0)
        return self._start(event)

    def _delta(
        self, choice: int, delta: dict[str, JSON], raw: bytes | None = None, more: dict[str, JSON] | None = None
    ) -> bytes:
        role = self._role(choice, raw)
        return role + (self._choice(choice, delta, None, more) if raw is None else _event(raw))

    def _role(self, choice: int, raw: bytes | None = None) -> bytes:
        """The chunk with the role, before anything else of its choice that does not tell the role itself."""
        if choice in self._has_role:
            return b""
        self._has_role.add(choice)
        if raw is not None and _ROLE.search(raw):
            return b""
        return self._choice(choice, {"role": "assistant", "content": ""})

    def _tool_call(self, event: ToolCallDelta) -> dict[str, JSON]:
        seen = self._calls.setdefault(event.choice, set())
        if event.index in seen:
            return {"index": event.index, "function": {"arguments": event.arguments}}
        seen.add(event.index)
        function = {"name": event.name or "", "arguments": event.arguments}
        return {"index": event.index, "id": event.id or "", "type": "function", "function": function}

    def _finish(self, event: Finished) -> bytes:
        if event.choice in self._finished:
            return b""
        self._finished.add(event.choice)
        reason = shown_finish_reason(event.reason, event.choice in self._calls)
        if event.raw is not None and reason == event.reason:
            return self._role(event.choice, event.raw) + _event(event.raw)
        return self._role(event.choice) + self._choice(event.choice, {}, reason)

    def _choice(
        self, choice: int, delta: dict[str, JSON], reason: str | None = None, more: dict[str, JSON] | None = None
    ) -> bytes:
        return self._chunk([{"index": choice, "delta": delta, **(more or {}), "finish_reason": reason}])

    def _surround(self, choice: int) -> tuple[bytes, bytes]:
        self._around[choice] = _halves(self._choice(choice, {"content": ""}))
        return self._around[choice]


class CompletionStream(_Stream):
    """`text_completion`s: text, one chunk with the finish reason a choice, usage if asked, `[DONE]`.

    Reasoning and tool calls have no place in this older form.
    """

    _kind = "text_completion"

    def __init__(self, model: str, include_usage: bool, id: str, created: int) -> None:
        super().__init__(model, include_usage, id, created)
        self._around: dict[int, tuple[bytes, bytes]] = {}
        self._offsets: dict[int, int] = {}

    def encode(self, event: Event) -> bytes:
        if self._has_ended:
            return b""
        match event:
            case TextDelta():
                if event.raw is not None:
                    return b"data: " + event.raw + b"\n\n"
                if event.logprobs is not None:
                    return self._with_logprobs(event)
                head, tail = self._around.get(event.choice) or self._surround(event.choice)
                return head + orjson.dumps(event.text) + tail
            case Started():
                return self._start(event)
            case Finished():
                return self._finish(event)
        return self._end(event)

    def _with_logprobs(self, event: TextDelta) -> bytes:
        offset = self._offsets.get(event.choice, 0)
        self._offsets[event.choice] = offset + logprobs_length(event.logprobs)
        return self._choice(event.choice, event.text, completion_logprobs(event.logprobs, offset))

    def _finish(self, event: Finished) -> bytes:
        if event.choice in self._finished:
            return b""
        self._finished.add(event.choice)
        return self._choice(event.choice, "", None, event.reason) if event.raw is None else _event(event.raw)

    def _choice(self, choice: int, text: str, logprobs: JSON = None, reason: str | None = None) -> bytes:
        return self._chunk([{"index": choice, "text": text, "logprobs": logprobs, "finish_reason": reason}])

    def _surround(self, choice: int) -> tuple[bytes, bytes]:
        self._around[choice] = _halves(self._choice(choice, ""))
        return self._around[choice]


def _event(data: bytes) -> bytes:
    return b"data: " + data + b"\n\n"


def _halves(chunk: bytes) -> tuple[bytes, bytes]:
    """The chunk before and after its text, which is empty here: the last `""` in it."""
    head, _, tail = chunk.rpartition(b'""')
    return head, tail
