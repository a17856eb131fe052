"""Reads what OpenAI-compatible servers answer: streams of chat chunks and text completions, as events.

Nothing here trusts the server: a wrong type ends the stream as `Failed`, and only the server's own finish reasons and
its own end make an answer whole.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import orjson

from backend.dialects.chat import Completed, Event, Failed, Finished
from backend.dialects.framing import LIMIT, FramingError, SSEReader, SSEvent
from backend.dialects.openai.upstream.chunks import ChatChunks, Stopped, TextChunks
from backend.dialects.openai.upstream.failure import OPENAI_COMPATIBLE, Judge, judge
from backend.dialects.openai.upstream.tool_calls import Malformed
from backend.dialects.openai.upstream.usage import UsageReader
from backend.dialects.server_error import Complaint, complaint_of, read_complaint
from backend.errors import BackendFailed, GatewayError, Truncated
from backend.identity import Identity


@dataclass(frozen=True, slots=True)
class AnswerQuirks:
    """What one server answers otherwise than OpenAI does. Each backend's own file says which.

    `blank`: what a finish without a word of an answer means, where it means a failure. `words`: what the server's own
    sentences mean, beside those that all servers say.
    """

    blank: Callable[[Identity], GatewayError] | None = None
    words: Judge | None = None


NO_QUIRKS = AnswerQuirks()


class OpenAIChatDecoder:
    """The answer to POST /chat/completions, streamed or, where a server does not stream, whole.

    `server` is for sentences.
    """

    _chunks_type: type[ChatChunks] = ChatChunks

    def __init__(self, server: Identity = OPENAI_COMPATIBLE, quirks: AnswerQuirks = NO_QUIRKS) -> None:
        self._server, self._quirks = server, quirks
        self._title = server.subject
        self._reader = SSEReader()
        self._chunks = self._chunks_type()
        self._usage = UsageReader()
        self._body: bytearray | None = None  # of an answer that is no stream
        self._is_foreign = False  # neither a stream nor JSON
        self._is_over = False

    def begin(self, content_type: str) -> None:
        kind = content_type.partition(";")[0].strip().lower()
        if kind == "application/json":
            self._body = bytearray()
        self._is_foreign = kind not in ("application/json", "text/event-stream")

    def feed(self, data: bytes) -> list[Event]:
        events: list[Event] = []
        if self._is_over:
            return events
        if self._body is not None or self._is_foreign:
            self._feed_body(data, events)
            return events
        is_too_long = False
        try:
            payloads = self._reader.feed(data)
        except FramingError as error:
            payloads, is_too_long = error.events, True
        for payload in payloads:
            if type(payload) is bytes and (delta := self._chunks.repeated(payload)):
                events.append(delta)
                continue
            self._event(payload, events)
            if self._is_over:
                return events
        if is_too_long:
            self._fail(BackendFailed(f"{self._title} sent an event that is too long."), events)
        return events

    def end(self, is_framed: bool = True) -> list[Event]:
        events: list[Event] = []
        if self._is_over:
            return events
        if self._is_foreign:
            self._fail(self._foreign(), events)
        elif last := self._last():
            if _is_readable(last):
                self._event(last, events)
            else:
                self._fail(self._truncated(), events)
        if not self._is_over:
            self._complete(events)
        return events

    def _last(self) -> bytes | None:
        """What the end of the body makes an event: an answer that is no stream, or what a blank line should follow."""
        return self._reader.end() if self._body is None else bytes(self._body)

    def _feed_body(self, data: bytes, out: list[Event]) -> None:
        if self._body is None:
            self._fail(self._foreign(), out)
            return
        self._body += data
        if len(self._body) > LIMIT:
            self._fail(BackendFailed(f"{self._title} sent an answer that is too long."), out)

    def _event(self, payload: bytes, out: list[Event]) -> None:
        try:
            chunk = orjson.loads(payload)
        except orjson.JSONDecodeError:
            self._no_json(payload, out)
            return
        try:
            self._chunk(chunk, payload, out)
        except Malformed:
            self._fail(BackendFailed(f"{self._title} sent something that is no answer."), out)
        except Stopped:
            self._fail(BackendFailed(f"{self._title} gave up before its answer was finished."), out)

    def _no_json(self, payload: bytes, out: list[Event]) -> None:
        if isinstance(payload, SSEvent):  # orjson takes plain bytes alone
            data = bytes(payload)
            if payload.name == "error":
                self._fail(self._judged(read_complaint(data)), out)
            else:
                self._event(data, out)
        elif payload.startswith(b"[DONE]"):
            self._complete(out)
        else:
            self._fail(BackendFailed(f"{self._title} sent something that is no JSON."), out)

    def _chunk(self, chunk: object, payload: bytes, out: list[Event]) -> None:
        if not isinstance(chunk, dict):
            raise Malformed
        if chunk.get("error") or chunk.get("object") == "error":
            self._fail(self._judged(complaint_of(chunk)), out)
            return
        self._usage.read(chunk)
        before = len(out)
        self._chunks.read(chunk, payload, out)
        if "prompt_progress" in chunk and (prompt := self._usage.prompt(chunk)):
            out.append(prompt)
        if self._quirks.blank and not self._chunks.has_output:
            self._refuse_blank(before, self._quirks.blank(self._server), out)

    def _refuse_blank(self, before: int, error: GatewayError, out: list[Event]) -> None:
        for event in out[before:]:
            if isinstance(event, Finished) and event.reason == "stop":
                out.remove(event)
                self._fail(error, out)
                return

    def _complete(self, out: list[Event]) -> None:
        """The server's own end: an answer only if each of its choices has its own finish."""
        if self._chunks.is_whole:
            self._is_over = True
            if usage := self._usage.usage():
                out.append(usage)
            out.append(Completed())
        elif self._quirks.blank and not self._chunks.has_output:
            self._fail(self._quirks.blank(self._server), out)
        else:
            self._fail(self._truncated(), out)

    def _fail(self, error: GatewayError, out: list[Event]) -> None:
        self._is_over = True
        out.append(Failed(error))

    def _foreign(self) -> BackendFailed:
        return BackendFailed(f"{self._title} answered with something that is neither a stream nor JSON.")

    def _truncated(self) -> Truncated:
        return Truncated(f"{self._title} broke off before its answer was finished.")

    def _judged(self, complaint: Complaint) -> GatewayError:
        return judge(None, complaint, self._server, self._quirks.words)


class OpenAICompletionDecoder(OpenAIChatDecoder):
    """The answer to POST /completions."""

    _chunks_type = TextChunks


def _is_readable(payload: bytes) -> bool:
    """Whether what the body ended in, without a blank line behind it, is whole."""
    if payload.startswith(b"[DONE]"):
        return True
    try:
        orjson.loads(bytes(payload))
    except orjson.JSONDecodeError:
        return False
    return True
