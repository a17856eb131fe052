"""Reads what Ollama answers over its native API: the lines of chat and generate as events, and embeddings.

Only a line with `done: true` makes an answer whole; the one exception is in `repetition.py`.
"""

from __future__ import annotations

import zlib
from datetime import datetime
from typing import Any, Literal

import orjson

from backend.dialects.chat import (
    JSON,
    Completed,
    Embeddings,
    Event,
    Failed,
    Finished,
    FinishReason,
    ReasoningDelta,
    Started,
    TextDelta,
    ToolCallDelta,
    Usage,
)
from backend.dialects.framing import FramingError, LineReader
from backend.dialects.ollama.upstream.failure import judge
from backend.dialects.ollama.upstream.repetition import Repetition
from backend.dialects.server_error import complaint_of
from backend.dialects.think_tags import ThinkTags
from backend.dialects.vectors import checked_vectors
from backend.errors import BackendFailed, GatewayError, Truncated

_TYPES = ("application/x-ndjson", "application/json")
_MOST_CALLS = 1024


class _Malformed(Exception):
    """Something that Ollama does not send."""


class OllamaDecoder:
    """The answer to POST /api/chat (`kind` "chat") or /api/generate ("completion").

    Ids of tool calls, where a model's template gives none, are made of `seed`; without one, of what the first line
    says, so that the same stream gives the same ids and two streams do not.
    A `done_reason` of "load", "unload" or none at all is "stop": `done` itself says that the answer is whole.
    """

    def __init__(self, kind: Literal["chat", "completion"] = "chat", seed: str = "") -> None:
        self._is_chat = kind == "chat"
        self._seed = seed
        self._reader = LineReader()
        self._is_foreign = False
        self._is_over = False
        self._has_started = False
        self._tags: ThinkTags | None = ThinkTags(0) if self._is_chat else None
        self._ids: set[str] = set()
        self._repetition = Repetition()

    def begin(self, content_type: str) -> None:
        self._is_foreign = content_type.partition(";")[0].strip().lower() not in _TYPES

    def feed(self, data: bytes) -> list[Event]:
        events: list[Event] = []
        if self._is_over:
            return events
        if self._is_foreign:
            return self.end()
        is_too_long = False
        try:
            lines = self._reader.feed(data)
        except FramingError as error:
            lines, is_too_long = error.events, True
        for line in lines:
            self._line(line, events)
            if self._is_over:
                return events
        if is_too_long:
            self._fail(BackendFailed("Ollama sent a line that is too long."), events)
        return events

    def end(self, is_framed: bool = True) -> list[Event]:
        events: list[Event] = []
        if self._is_over:
            return events
        if self._is_foreign:
            message = "The server at OLLAMA_URL answered with something that is no stream of Ollama's. Is it Ollama?"
            self._fail(BackendFailed(message), events)
            return events
        last = self._reader.end()
        if last is not None and _is_json(last):
            self._line(last, events)
        if not self._is_over:
            self._unfinished(is_framed, events)
        return events

    def _unfinished(self, is_framed: bool, out: list[Event]) -> None:
        """The last line was not said. A proper end of the body tells that Ollama is alive and meant it: asked again, it
        would do the same."""
        if is_framed and self._repetition.is_endless():
            self._end_tags(out)
            out += [Finished("length"), Completed()]
            self._is_over = True
        else:
            should_retry = False if is_framed else None
            self._fail(Truncated("Ollama broke off before its answer was finished.", should_retry), out)

    def _line(self, payload: bytes, out: list[Event]) -> None:
        try:
            line = orjson.loads(payload)
        except orjson.JSONDecodeError:
            self._fail(BackendFailed("Ollama sent something that is no JSON."), out)
            return
        if plain := self._plain(line):
            out.append(plain)
            return
        try:
            self._read(line, out)
        except _Malformed:
            self._fail(BackendFailed("Ollama sent something that is no answer."), out)

    def _plain(self, line: JSON) -> TextDelta | None:
        """The hot path: a line of text and nothing else. None for anything else, whatever it is."""
        try:
            if self._tags is not None or not self._has_started or line["done"] is not False:
                return None
            if self._is_chat:
                message = line["message"]
                text = message["content"]
                is_plain = len(message) == 2 and "role" in message
            else:
                text = line["response"]
                is_plain = "thinking" not in line
            if is_plain and type(text) is str and text and "logprobs" not in line and "error" not in line:
                self._repetition.note(text)
                return TextDelta(text)
        except (KeyError, TypeError):
            pass
        return None

    def _read(self, line: JSON, out: list[Event]) -> None:
        if not isinstance(line, dict):
            raise _Malformed
        if line.get("error"):
            self._fail(judge(None, complaint_of(line)), out)
            return
        if not self._has_started:
            out.append(self._start(line))
        said = _object(line.get("message")) if self._is_chat else {**line, "content": line.get("response")}
        if thought := _string(said.get("thinking")):
            self._repetition.note(thought)
            self._end_tags(out)
            out.append(ReasoningDelta(thought))
        text = _string(said.get("content"))
        logprobs = _logprobs(line.get("logprobs"))
        if text or logprobs:
            self._say(text, logprobs, out)
        for call in _list(said.get("tool_calls")):
            self._end_tags(out)
            out.append(self._tool_call(call))
        done = line.get("done")
        if done is not None and not isinstance(done, bool):
            raise _Malformed
        if done:
            self._finish(line, out)

    def _start(self, line: dict[str, JSON]) -> Started:
        self._has_started = True
        model, time = line.get("model"), line.get("created_at")
        self._seed = self._seed or f"{zlib.crc32(f'{model}{time}'.encode()):08x}"
        return Started(None, _epoch(time), model if isinstance(model, str) and model else None)

    def _say(self, text: str, logprobs: JSON, out: list[Event]) -> None:
        self._repetition.note(text)
        if self._tags is None:
            out.append(TextDelta(text, 0, logprobs))
            return
        out.extend(self._tags.feed(text, logprobs))
        if self._tags.is_done:
            self._tags = None

    def _end_tags(self, out: list[Event]) -> None:
        if self._tags is not None:
            out.extend(self._tags.end())
            self._tags = None

    def _tool_call(self, call: JSON) -> ToolCallDelta:
        """Ollama's calls are whole, and each is one of its own: older versions give all of them the index 0."""
        known = _object(call)
        function = _object(known.get("function"))
        name, id = _string(function.get("name")), _string(known.get("id"))
        number = len(self._ids)
        if not name or number >= _MOST_CALLS:
            raise _Malformed
        if not id or id in self._ids:
            id = f"call_{self._seed}_{number}"
        self._ids.add(id)
        arguments = function.get("arguments")
        text = arguments if isinstance(arguments, str) else orjson.dumps(_object(arguments)).decode()
        return ToolCallDelta(number, text or "{}", id, name)

    def _finish(self, line: dict[str, JSON], out: list[Event]) -> None:
        self._end_tags(out)
        reason: FinishReason = "length" if _string(line.get("done_reason")) == "length" else "stop"
        out.append(Finished("tool_calls" if self._ids and reason == "stop" else reason))
        out.append(
            Usage(
                _count(line.get("prompt_eval_count")),
                _count(line.get("eval_count")),
                load_ms=_milliseconds(line.get("load_duration")),
                prompt_ms=_milliseconds(line.get("prompt_eval_duration")),
                eval_ms=_milliseconds(line.get("eval_duration")),
            )
        )
        out.append(Completed())
        self._is_over = True

    def _fail(self, error: GatewayError, out: list[Event]) -> None:
        self._is_over = True
        out.append(Failed(error))


def decode_embeddings(body: bytes, *, count: int | None = None) -> Embeddings:
    """The answer to POST /api/embed. `count` is how many were asked for.

    Raises GatewayError: Ollama's own complaint under a 200, or BackendFailed.
    """
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        answer = None
    answer = answer if isinstance(answer, dict) else {}
    if answer.get("error"):
        raise judge(None, complaint_of(answer))
    found = answer.get("embeddings")
    vectors = checked_vectors(found, count) if isinstance(found, list) else None
    if vectors is None:
        raise BackendFailed("Ollama answered with something that is no list of embeddings.")
    return Embeddings(vectors, _count(answer.get("prompt_eval_count")))


def _logprobs(entries: JSON) -> JSON:
    """Ollama's list of tokens in chat's form; entries that make no sense are left out, for they are but a help."""
    if not isinstance(entries, list):
        return None
    content = [_token(entry, entry.get("top_logprobs")) for entry in entries if _is_token(entry)]
    return {"content": content} if content else None


def _token(entry: dict[str, JSON], alternatives: JSON = None) -> dict[str, JSON]:
    token = {"token": entry["token"], "logprob": entry["logprob"], "bytes": _bytes(entry)}
    others = alternatives if isinstance(alternatives, list) else []
    return {**token, "top_logprobs": [_alternative(other) for other in others if _is_token(other)]}


def _alternative(entry: dict[str, JSON]) -> dict[str, JSON]:
    return {"token": entry["token"], "logprob": entry["logprob"], "bytes": _bytes(entry)}


def _bytes(entry: dict[str, JSON]) -> list[int]:
    told = entry.get("bytes")
    is_told = isinstance(told, list) and all(type(byte) is int and 0 <= byte < 256 for byte in told)
    return told if is_told and told else list(entry["token"].encode())


def _is_token(entry: JSON) -> bool:
    return (
        isinstance(entry, dict)
        and isinstance(entry.get("token"), str)
        and isinstance(entry.get("logprob"), (int, float))
    )


def _object(value: JSON) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _Malformed
    return value


def _list(value: JSON) -> list[JSON]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise _Malformed
    return value


def _string(value: JSON) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _Malformed
    return value


def _count(value: JSON) -> int:
    """A missing count is 0: Ollama leaves zeros out."""
    return value if type(value) is int and 0 <= value < 2**53 else 0


def _milliseconds(nanoseconds: JSON) -> float | None:
    return nanoseconds / 1e6 if type(nanoseconds) is int and 0 < nanoseconds < 2**60 else None


def _epoch(time: JSON) -> int | None:
    """Whole seconds of an RFC 3339 time."""
    if not isinstance(time, str):
        return None
    try:
        return int(datetime.fromisoformat(time).timestamp())
    except (ValueError, OverflowError, OSError):
        return None


def _is_json(data: bytes) -> bool:
    try:
        orjson.loads(data)
    except orjson.JSONDecodeError:
        return False
    return True
