"""The course's own dialect: `POST /chat` with a prompt, an answer in one JSON object or as NDJSON lines.

Field names are Ollama's `/api/generate`'s, over any backend. Durations are whole nanoseconds; null: nobody told.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import orjson

from backend.dialects.chat import (
    JSON,
    Answer,
    ChatRequest,
    Choice,
    Completed,
    Event,
    Failed,
    Finished,
    Message,
    Part,
    ReasoningDelta,
    ResponseFormat,
    Started,
    Text,
    TextDelta,
    Usage,
)
from backend.dialects.fields import Fields
from backend.dialects.images import read_images
from backend.dialects.messages import read_messages
from backend.dialects.own.context import read_context, write_context
from backend.dialects.sampling import RESIDENCY_FIELDS, read_option_sampling, read_residency, read_think
from backend.errors import BadRequest

Now = Callable[[], datetime]
ElapsedMs = Callable[[], float]

_NS_PER_MS = 1_000_000
_LONGEST_MS = 1e12
FIELDS = frozenset(
    ("model", "prompt", "system", "images", "context", "messages", "stream", "think", "format", *RESIDENCY_FIELDS)
)


# -- requests -----------------------------------------------------------------------------------


def parse_course(body: Mapping[str, JSON]) -> ChatRequest:
    """`{"prompt", "model"?, "system"?, "images"?, "context"? | "messages"?, "stream"?, "options"?, …}`.

    `context` (from an earlier answer) or `messages` (OpenAI's) is the conversation so far, the prompt its next
    message; with `messages` the prompt may be missing. `system` takes the place of a system message at the front.
    `stream` is off by default, unlike Ollama's: a first program reads one JSON object, and a page asks for lines.
    Raises BadRequest and Unsupported, with the field in `param`.
    """
    fields = Fields(body)
    ignored = fields.dropped(FIELDS)
    return ChatRequest(
        model=fields.model(),
        messages=_conversation(fields),
        stream=bool(fields.flag("stream")),
        sampling=read_option_sampling(fields),
        response_format=_format(fields),
        think=read_think(fields),
        residency=read_residency(fields),
        ignored=ignored,
    )


def _conversation(fields: Fields) -> tuple[Message, ...]:
    if fields.has("context") and fields.has("messages"):
        raise BadRequest("Send `context` or `messages`, not both.", "context")
    earlier = read_messages(fields) if fields.has("messages") else read_context(fields)
    system = fields.text("system")
    if system:
        rest = earlier[1:] if earlier and earlier[0].role == "system" else earlier
        earlier = (Message("system", (Text(system),)), *rest)
    return (*earlier, *_prompt(fields))


def _prompt(fields: Fields) -> tuple[Message, ...]:
    prompt = fields.text("prompt")
    images = read_images(fields)
    if prompt is None and not images and fields.has("messages"):
        return ()
    if not images and not (prompt or "").strip():
        raise fields.fault("prompt", "must hold some text.")
    text: tuple[Part, ...] = (Text(prompt),) if prompt else ()
    return (Message("user", (*text, *images)),)


def _format(fields: Fields) -> ResponseFormat | None:
    """Ollama's `format`: "json", or a JSON schema."""
    value = fields.value("format")
    if value is None or value == "":
        return None
    if value == "json":
        return ResponseFormat("json_object")
    if isinstance(value, dict):
        return ResponseFormat("json_schema", schema=fields.json_object("format"))
    raise fields.fault("format", 'must be "json" or a JSON schema.')


# -- replies ------------------------------------------------------------------------------------


def encode_course(request: ChatRequest, answer: Answer, model: str, now: Now, elapsed_ms: ElapsedMs) -> bytes:
    """The whole answer as one object. Dialects read no clocks: `now` tells the time, `elapsed_ms` how long ago the
    request came (by a clock that is never set)."""
    choice = answer.choices.get(0) or Choice()
    text = "".join(choice.text)
    written: dict[str, JSON] = {
        "model": answer.started.model or model,
        "created_at": _time(now()),
        "response": text,
    }
    if choice.reasoning:
        written["thinking"] = "".join(choice.reasoning)
    return orjson.dumps({**written, **_end(request, text, choice.finish_reason, answer.usage, elapsed_ms())})


class CourseStream:
    """NDJSON: a line a piece of the answer, then one with `done: true` and the figures.

    A failure is a line `{"error", "code"}` and the end: without `done: true` an answer is not whole.
    The clocks are as in `encode_course`. The text is kept until the end, since `context` holds it.
    """

    content_type = "application/x-ndjson"
    keep_alive = b""

    def __init__(self, request: ChatRequest, model: str, now: Now, elapsed_ms: ElapsedMs) -> None:
        self._request = request
        self._now = now
        self._elapsed_ms = elapsed_ms
        self._answer = Answer(Started(model=model))
        self._head = _head(model)
        self._has_ended = False

    def encode(self, event: Event) -> bytes:
        if self._has_ended:
            return b""
        match event:
            case TextDelta(choice=0):
                self._answer.add(event)
                return self._piece(b'","response":', event.text)
            case ReasoningDelta(choice=0):
                return self._piece(b'","response":"","thinking":', event.text)
            case Started():
                if event.model:
                    self._answer.started = event
                    self._head = _head(event.model)
            case Finished() | Usage():
                self._answer.add(event)
            case Completed():
                return self._last()
            case Failed():
                self._has_ended = True
                return orjson.dumps({"error": event.error.message, "code": event.error.code}) + b"\n"
        return b""

    def _piece(self, name: bytes, text: str) -> bytes:
        return self._head + _time(self._now()).encode() + name + orjson.dumps(text) + b',"done":false}\n'

    def _last(self) -> bytes:
        self._has_ended = True
        choice = self._answer.choices.get(0) or Choice()
        written: dict[str, JSON] = {
            "model": self._answer.started.model,
            "created_at": _time(self._now()),
            "response": "",
        }
        end = _end(self._request, "".join(choice.text), choice.finish_reason, self._answer.usage, self._elapsed_ms())
        return orjson.dumps({**written, **end}) + b"\n"


def _time(moment: datetime) -> str:
    """RFC 3339 in UTC with a Z, as Ollama writes it. `moment` knows its time zone."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _head(model: str) -> bytes:
    return b'{"model":' + orjson.dumps(model) + b',"created_at":"'


def _end(request: ChatRequest, text: str, reason: str | None, usage: Usage | None, total_ms: float) -> dict[str, JSON]:
    """What an answer ends with. The reasoning is no part of the context: models are not shown it again."""
    return {
        "done": True,
        "done_reason": reason,
        "context": write_context((*request.messages, Message("assistant", (Text(text),)))),
        "total_duration": _nanoseconds(total_ms),
        **_durations(usage or Usage()),
    }


def _durations(usage: Usage) -> dict[str, JSON]:
    """The backend's own durations where it tells them, else what the gateway measured."""
    figures = usage.figures
    load_ms = usage.load_ms if usage.load_ms is not None or figures is None else figures.load_ms
    prompt_ms = usage.prompt_ms if usage.prompt_ms is not None or figures is None else figures.ttft_ms
    eval_ms = usage.eval_ms
    if eval_ms is None and figures is not None and figures.tokens_per_second:
        eval_ms = usage.output_tokens / figures.tokens_per_second * 1000
    return {
        "load_duration": _nanoseconds(load_ms),
        "prompt_eval_count": usage.input_tokens,
        "prompt_eval_duration": _nanoseconds(prompt_ms),
        "eval_count": usage.output_tokens,
        "eval_duration": _nanoseconds(eval_ms),
    }


def _nanoseconds(milliseconds: float | None) -> int | None:
    """null also for what cannot be a duration: a backend's figures are a help, no reason to fail an answer."""
    if milliseconds is None or not 0 <= milliseconds < _LONGEST_MS:
        return None
    return round(milliseconds * _NS_PER_MS)
