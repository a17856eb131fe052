"""Reads the JSON of OpenAI-compatible answers, chunk by chunk, and finds the chunks that need no repair."""

from __future__ import annotations

import re
import zlib

import orjson

from backend.dialects.chat import JSON, Event, Finished, FinishReason, ReasoningDelta, Started, TextDelta
from backend.dialects.openai.upstream.tool_calls import Malformed, ToolCalls
from backend.dialects.think_tags import ThinkTags

_MOST_CHOICES = 128
_REASONS: dict[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "content_filter": "content_filter",
    "function_call": "tool_calls",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_length": "length",
}
# vLLM's, SGLang's and DeepSeek's words for a generation that was stopped from outside: no end of an answer.
_BROKEN = frozenset(("abort", "aborted", "cancelled", "canceled", "error", "insufficient_system_resource"))


class Stopped(Exception):
    """The server itself says that it gave up in the middle."""


class Choice:
    """One answer of the stream. `is_plain`: it is under way, and its text is the answer as it comes."""

    __slots__ = ("calls", "has_output", "index", "is_finished", "is_plain", "tags")

    def __init__(self, index: int, tags: ThinkTags | None, calls: ToolCalls) -> None:
        self.index = index
        self.tags = tags
        self.calls = calls
        self.is_plain = False
        self.is_finished = False
        self.has_output = False

    def say(self, text: str, logprobs: JSON, out: list[Event]) -> None:
        self.has_output = self.has_output or bool(text)
        if self.tags is None:
            out.append(TextDelta(text, self.index, logprobs))
            return
        out.extend(self.tags.feed(text, logprobs))
        if self.tags.is_done:
            self.tags = None

    def end_tags(self, out: list[Event]) -> None:
        """The text ends, or its thinking has a field of its own: what was held back is text as it is."""
        if self.tags is not None:
            out.extend(self.tags.end())
            self.tags = None


class ChatChunks:
    """`chat.completion.chunk`s, and a whole `chat.completion`, which is a chunk with `message` in place of `delta`."""

    # A chunk or choice with other keys is written anew, so that a client sees what OpenAI defines.
    _keys = frozenset(("id", "object", "created", "model", "choices", "system_fingerprint", "service_tier", "usage"))
    _choice_keys = frozenset(("index", "delta", "finish_reason", "logprobs", "stop_reason", "token_ids"))
    _object = "chat.completion.chunk"
    _text_place = re.compile(rb'"content"\s*:\s*("(?:[^"\\]++|\\.)*+")')

    def __init__(self) -> None:
        self._has_started = False
        # What every chunk must repeat to be passed on as it is; an object() equals nothing.
        self._id: object = object()
        self._created: object = None
        self._model: object = None
        self._seed = ""
        self._choices: dict[int, Choice] = {}
        # What stood around the text of a clean chunk, and the choice that it was of. No JSON begins with a NUL.
        self._head = self._tail = b"\0"
        self._learnt = Choice(0, None, ToolCalls(0, ""))

    @property
    def is_whole(self) -> bool:
        """Whether every choice that began has its own finish, and there is one."""
        return bool(self._choices) and all(choice.is_finished for choice in self._choices.values())

    @property
    def has_output(self) -> bool:
        return any(choice.has_output for choice in self._choices.values())

    def repeated(self, payload: bytes) -> TextDelta | None:
        """The hot path: a chunk that differs from a clean one before it in its text alone, byte for byte; None for
        any other. The text is parsed, and what stands around it was when it was learnt."""
        if payload.startswith(self._head) and payload.endswith(self._tail):
            text = payload[len(self._head) : len(payload) - len(self._tail)]
            if text[:1] == b'"' == text[-1:] and text != b'""' and self._learnt.is_plain:
                try:
                    return TextDelta(orjson.loads(text), self._learnt.index, None, payload)
                except orjson.JSONDecodeError:
                    pass
        return None

    def read(self, chunk: dict[str, JSON], payload: bytes, out: list[Event]) -> None:
        """Any chunk. Raises Malformed or Stopped; what was read before that is in `out`."""
        choices = chunk.get("choices")
        choices = [] if choices is None else choices
        if not isinstance(choices, list) or not all(isinstance(choice, dict) for choice in choices):
            raise Malformed
        if not self._has_started:
            out.append(self._start(chunk, choices, payload))
        for choice in choices:
            self._choice(choice, chunk, payload, out)

    def _start(self, chunk: dict[str, JSON], choices: list[JSON], payload: bytes) -> Started:
        self._has_started = True
        id, created, model = chunk.get("id"), chunk.get("created"), chunk.get("model")
        started = Started(
            id if isinstance(id, str) and id else None,
            created if type(created) is int else None,
            model if isinstance(model, str) and model else None,
        )
        if started.id and started.model and started.created is not None:
            self._id, self._created, self._model = id, created, model
        self._seed = f"{zlib.crc32(f'{id}{created}'.encode()):08x}"
        if len(choices) == 1 and _is_role(choices[0]) and self._is_raw(chunk, choices[0], payload):
            started.raw = payload
        return started

    def _choice(self, choice: dict[str, JSON], chunk: dict[str, JSON], payload: bytes, out: list[Event]) -> None:
        state = self._state(choice.get("index", 0))
        if state.is_finished:
            return  # some servers repeat the finished choice beside the usage
        delta = self._delta(choice)
        reason = _reason(choice.get("finish_reason"))
        before = len(out)
        if thought := _string(delta.get("reasoning_content")) or _string(delta.get("reasoning")):
            state.end_tags(out)
            out.append(ReasoningDelta(thought, state.index))
        text = _string(delta.get("content")) or _string(delta.get("refusal"))
        logprobs = choice["logprobs"] if isinstance(choice.get("logprobs"), dict) else None
        if text or logprobs:
            state.say(text, logprobs, out)
        if delta.get("tool_calls") is not None:
            out.extend(state.calls.feed(delta["tool_calls"]))
        state.has_output = state.has_output or len(out) > before
        state.is_plain = state.tags is None
        if reason is not None:
            self._finish(state, reason, out)
        self._mark(out[before:], text, delta, chunk, choice, payload)

    def _finish(self, state: Choice, reason: FinishReason, out: list[Event]) -> None:
        state.end_tags(out)
        state.is_finished = True
        state.is_plain = False
        called = reason == "stop" and state.calls.has_any
        out.append(Finished("tool_calls" if called else reason, state.index))

    def _mark(
        self,
        events: list[Event],
        text: str,
        delta: dict[str, JSON],
        chunk: dict[str, JSON],
        choice: dict[str, JSON],
        payload: bytes,
    ) -> None:
        """Sets `raw` where the one event says all that the chunk says."""
        if len(events) != 1 or not delta.keys() <= {"content"} or not self._is_raw(chunk, choice, payload):
            return
        match events[0]:
            case TextDelta() as event if event.text == text:
                event.raw = payload
                if choice.get("logprobs") is None:
                    self._learn(payload, self._choices[event.choice])
            case Finished() as event if not text and event.reason == choice["finish_reason"]:
                event.raw = payload

    def _learn(self, payload: bytes, choice: Choice) -> None:
        """Within a JSON text no quote stands unescaped, so only a key can look like the key."""
        places = list(self._text_place.finditer(payload))
        if len(places) == 1:
            start, end = places[0].span(1)
            self._head, self._tail, self._learnt = payload[:start], payload[end:], choice

    def _is_raw(self, chunk: dict[str, JSON], choice: dict[str, JSON], payload: bytes) -> bool:
        """As `_is_clean`, also of a chunk with a finish; "" in place of null needs repair."""
        reason = choice.get("finish_reason", "")
        try:
            return self._is_clean(chunk, {**choice, "finish_reason": None} if reason else choice, payload)
        except (KeyError, TypeError):
            return False

    def _is_clean(self, chunk: JSON, choice: JSON, payload: bytes) -> bool:
        """Whether a chunk without a finish is what OpenAI defines and the first chunk began. Raises for what it
        lacks. A text of more lines would need more than one `data:`."""
        return (
            choice["finish_reason"] is None
            and chunk["id"] == self._id
            and chunk["created"] == self._created
            and chunk["model"] == self._model
            and chunk["object"] == self._object
            and len(chunk["choices"]) == 1
            and type(choice["index"]) is int
            and chunk.keys() <= self._keys
            and choice.keys() <= self._choice_keys
            and chunk.get("usage") is None
            and self._has_clean_logprobs(choice.get("logprobs"))
            and b"\n" not in payload
        )

    def _has_clean_logprobs(self, logprobs: JSON) -> bool:
        return logprobs is None or type(logprobs) is dict

    def _state(self, index: JSON) -> Choice:
        if type(index) is not int or not 0 <= index < _MOST_CHOICES:
            raise Malformed
        state = self._choices.get(index)
        if state is None:
            state = self._choices[index] = Choice(index, self._tags(index), ToolCalls(index, self._seed))
        return state

    def _tags(self, index: int) -> ThinkTags | None:
        return ThinkTags(index)

    def _delta(self, choice: dict[str, JSON]) -> dict[str, JSON]:
        delta = choice.get("delta")
        delta = choice.get("message") if delta is None else delta
        delta = {} if delta is None else delta
        if not isinstance(delta, dict):
            raise Malformed
        if isinstance(call := delta.get("function_call"), dict) and not delta.get("tool_calls"):
            delta = {**delta, "tool_calls": [{"index": 0, "function": call}]}  # the form before tools
        return delta


class TextChunks(ChatChunks):
    """`text_completion`s. There is no role, no reasoning and no tool call, and `<think>` is text like any other."""

    _choice_keys = frozenset(("index", "text", "finish_reason", "logprobs", "stop_reason", "token_ids"))
    _object = "text_completion"
    _text_place = re.compile(rb'"text"\s*:\s*("(?:[^"\\]++|\\.)*+")')

    def _delta(self, choice: dict[str, JSON]) -> dict[str, JSON]:
        return {"content": choice.get("text")}

    def _has_clean_logprobs(self, logprobs: JSON) -> bool:
        """llama.cpp gives chat's form here, which the encoder turns into that of completions."""
        return logprobs is None or (type(logprobs) is dict and "tokens" in logprobs)

    def _tags(self, index: int) -> None:
        return None


def _is_role(choice: dict[str, JSON]) -> bool:
    delta = choice.get("delta")
    return (
        isinstance(delta, dict)
        and delta.keys() <= {"role", "content"}
        and delta.get("role") == "assistant"
        and delta.get("content") in (None, "")
        and choice.get("index") == 0
        and choice.get("finish_reason") is None
    )


def _reason(reason: JSON) -> FinishReason | None:
    """A word that OpenAI does not know is "stop": the server says that the answer is whole, and clients know four."""
    if reason is None or reason == "":
        return None
    if not isinstance(reason, str):
        raise Malformed
    if reason in _BROKEN:
        raise Stopped
    return _REASONS.get(reason, "stop")


def _string(value: JSON) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Malformed
    return value
