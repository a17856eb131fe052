"""The canonical form between dialects: requests going down, events coming up.

Requests are frozen: what was parsed is what is sent. Events are made once per token, so they are
plain slotted classes; nobody changes one except the relay, which fills `Usage.figures`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

from backend.dialects.progress import Progress
from backend.errors import GatewayError

JSON = Any
Role = Literal["system", "user", "assistant", "tool"]
FinishReason = Literal["stop", "length", "tool_calls", "content_filter"]


# -- going down ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Text:
    text: str


@dataclass(frozen=True, slots=True)
class Image:
    """An image that the caller sent in the request itself; `data` is checked, standard base64."""

    media_type: str
    data: str


Part = Text | Image


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call the model made earlier; `arguments` is the text of a JSON object, or what the model wrote instead."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Message:
    role: Role
    parts: tuple[Part, ...] = ()
    name: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    reasoning: str | None = None

    @property
    def text(self) -> str:
        return "\n".join(part.text for part in self.parts if isinstance(part, Text))


@dataclass(frozen=True, slots=True)
class Tool:
    name: str
    description: str | None = None
    parameters: Mapping[str, JSON] | None = None
    strict: bool | None = None


@dataclass(frozen=True, slots=True)
class ResponseFormat:
    """`json_object`, or `json_schema` with a schema; plain text is the absence of a format."""

    kind: Literal["json_object", "json_schema"]
    name: str | None = None
    schema: Mapping[str, JSON] | None = None
    strict: bool | None = None


@dataclass(frozen=True, slots=True)
class Sampling:
    """How to pick tokens. None means "the caller did not say", so that the model's own default holds.

    `max_tokens` is None for "no limit" too: -1 is turned into None by the dialects.
    """

    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    repeat_penalty: float | None = None
    logit_bias: Mapping[str, float] | None = None
    logprobs: bool = False
    top_logprobs: int | None = None

    def filled(self, told: Mapping[str, Any]) -> Sampling:
        """The same, and what is told where the caller did not say."""
        return replace(self, **{name: value for name, value in told.items() if getattr(self, name) is None})


@dataclass(frozen=True, slots=True)
class Residency:
    """How long and how large a model is held: Ollama's `keep_alive` and `options`, LM Studio's `ttl`.

    `options` holds Ollama's own option names, numbers, booleans and strings only.
    """

    keep_alive: str | int | float | None = None
    ttl: int | None = None
    options: Mapping[str, JSON] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A chat to be answered. `model` is "" until routing has put the backend's own name there.

    `tool_choice` is "auto", "none", "required", or ("named", tool name). `think` is Ollama's switch:
    True, False, "low", "medium", "high", "max"; `thinking_tokens` is how many it may spend on that. `reasoning` says
    how the answer tells its reasoning: "sealed" is unread, but so that it can come back. `names_stop`: it should tell
    which of the stop texts ended it. `tells_prompt`: how long the prompt is should be told before it is answered, where
    that can be known. `ignored` names the fields that were dropped.
    """

    model: str
    messages: tuple[Message, ...]
    stream: bool = False
    include_usage: bool = False
    n: int = 1
    sampling: Sampling = Sampling()
    tools: tuple[Tool, ...] = ()
    tool_choice: str | tuple[Literal["named"], str] | None = None
    parallel_tool_calls: bool | None = None
    response_format: ResponseFormat | None = None
    reasoning_effort: str | None = None
    think: bool | str | None = None
    thinking_tokens: int | None = None
    reasoning: Literal["shown", "sealed", "left out"] = "shown"
    names_stop: bool = False
    tells_prompt: bool = False
    residency: Residency = Residency()
    ignored: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CompletionRequest:
    """Plain text to be continued (OpenAI's older /completions)."""

    model: str
    prompt: str
    suffix: str | None = None
    stream: bool = False
    include_usage: bool = False
    n: int = 1
    sampling: Sampling = Sampling()
    residency: Residency = Residency()
    ignored: tuple[str, ...] = ()


GenerationRequest = ChatRequest | CompletionRequest


@dataclass(frozen=True, slots=True)
class EmbeddingRequest:
    model: str
    inputs: tuple[str, ...]
    dimensions: int | None = None
    encoding_format: Literal["float", "base64"] = "float"
    residency: Residency = Residency()
    ignored: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RerankRequest:
    """Documents to be put in the order of their relevance to a query. `top_n` None: all of them."""

    model: str
    query: str
    documents: tuple[str, ...]
    top_n: int | None = None
    return_documents: bool = False
    ignored: tuple[str, ...] = ()


# -- coming up ----------------------------------------------------------------------------------
#
# `raw` is the upstream's own JSON text of the event (no newline in it), set only where it is already
# just what an OpenAI client should get. An encoder of another dialect ignores it.


@dataclass(slots=True)
class Started:
    """First of all events. The upstream's id, time and model name, where it gives them."""

    id: str | None = None
    created: int | None = None
    model: str | None = None
    raw: bytes | None = None


@dataclass(slots=True)
class PromptRead:
    """How many tokens the prompt has, told before the answer; `cached_tokens` of them need not be read again."""

    tokens: int
    cached_tokens: int | None = None


@dataclass(slots=True)
class TextDelta:
    text: str
    choice: int = 0
    logprobs: JSON = None
    raw: bytes | None = None


@dataclass(slots=True)
class ReasoningDelta:
    text: str
    choice: int = 0


@dataclass(slots=True)
class ToolCallDelta:
    """A piece of a tool call. `index` counts the calls of a choice; id and name come with the first piece."""

    index: int
    arguments: str = ""
    id: str | None = None
    name: str | None = None
    choice: int = 0


@dataclass(slots=True)
class Finished:
    """`stop_text` is the one of the caller's stop texts that ended the answer, where that is known."""

    reason: FinishReason
    choice: int = 0
    raw: bytes | None = None
    stop_text: str | None = None


@dataclass(frozen=True, slots=True)
class Figures:
    """What the gateway measured itself; rides in `usage` under one key. Times in milliseconds."""

    backend: str
    ttft_ms: float | None = None
    tokens_per_second: float | None = None
    load_ms: float | None = None
    estimated: bool = False


@dataclass(slots=True)
class Usage:
    """Token counts, and the backend's own durations where it tells them (milliseconds)."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None
    load_ms: float | None = None
    prompt_ms: float | None = None
    eval_ms: float | None = None
    figures: Figures | None = None


@dataclass(frozen=True, slots=True)
class Embeddings:
    """All vectors of one request, in the order of its inputs."""

    vectors: tuple[Sequence[float], ...]
    """Lists of numbers as a server wrote them, or `array("f")` where it wrote their bytes."""
    input_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Ranking:
    """Every document once, the most relevant first: its place in the request, and its score."""

    results: tuple[tuple[int, float], ...]
    input_tokens: int = 0


@dataclass(slots=True)
class Pulled:
    """The model that a pull brought; None where the backend lists it under a name that cannot be told."""

    model: Model | None


@dataclass(slots=True)
class Completed:
    """The backend's own terminator: only this makes an answer a success. `is_cut`: all that was asked for has come, and
    the backend would go on."""

    is_cut: bool = False


@dataclass(slots=True)
class Failed:
    error: GatewayError


Event = (
    Started
    | PromptRead
    | TextDelta
    | ReasoningDelta
    | ToolCallDelta
    | Finished
    | Embeddings
    | Ranking
    | Usage
    | Progress
    | Pulled
    | Completed
    | Failed
)
# Order in a good stream: Started, PromptRead?, deltas…, Finished (one a choice), Usage?, Completed; of a pull:
# Progress…, Pulled, Completed.


class StreamDecoder(Protocol):
    """Turns a backend's body into events. After `Completed` or `Failed` it returns nothing more."""

    def begin(self, content_type: str) -> None:
        """Told once, before the first `feed`, of a 200 answer. A plain-JSON body is decoded at `end`."""

    def feed(self, data: bytes) -> list[Event]:
        """Any number of bytes, cut anywhere, to the events that they complete. Never raises."""

    def end(self, is_framed: bool = True) -> list[Event]:
        """The body ended: `[]` after a terminator, else what that means (`Completed`, or `Failed(Truncated)`). Not
        called when the connection broke; `is_framed` is False where only the connection's end ended the body, so that
        nobody can tell an end from a break."""


class StreamEncoder(Protocol):
    """Turns events into what the client gets, body framing of the dialect included.

    `keep_alive` is what may be sent while nothing happens (b"" where the dialect has no such thing).
    """

    content_type: str
    keep_alive: bytes

    def encode(self, event: Event) -> bytes:
        """b"" for events the client does not get. `Failed` becomes the in-band error, then nothing."""


# -- a whole answer -----------------------------------------------------------------------------


@dataclass(slots=True)
class Choice:
    text: list[str] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    tool_calls: list[ToolCallDelta] = field(default_factory=list)
    logprobs: list[JSON] = field(default_factory=list)
    finish_reason: FinishReason | None = None
    stop_text: str | None = None


@dataclass(slots=True)
class Answer:
    """Events gathered for a client that did not ask for a stream."""

    started: Started = field(default_factory=Started)
    choices: dict[int, Choice] = field(default_factory=dict)
    embeddings: Embeddings | None = None
    ranking: Ranking | None = None
    prompt: PromptRead | None = None
    usage: Usage | None = None

    def add(self, event: Event) -> None:
        match event:
            case TextDelta():
                choice = self._choice(event.choice)
                choice.text.append(event.text)
                if event.logprobs is not None:
                    choice.logprobs.append(event.logprobs)
            case ReasoningDelta():
                self._choice(event.choice).reasoning.append(event.text)
            case ToolCallDelta():
                _join(self._choice(event.choice).tool_calls, event)
            case Finished():
                choice = self._choice(event.choice)
                choice.finish_reason, choice.stop_text = event.reason, event.stop_text
            case Usage():
                self.usage = event
            case Embeddings():
                self.embeddings = event
            case Ranking():
                self.ranking = event
            case PromptRead():
                self.prompt = event
            case Started():
                self.started = event

    def _choice(self, index: int) -> Choice:
        return self.choices.setdefault(index, Choice())


def _join(calls: list[ToolCallDelta], piece: ToolCallDelta) -> None:
    for call in calls:
        if call.index == piece.index:
            call.arguments += piece.arguments
            call.id = call.id or piece.id
            call.name = call.name or piece.name
            return
    calls.append(ToolCallDelta(piece.index, piece.arguments, piece.id, piece.name, piece.choice))


@dataclass(frozen=True, slots=True)
class Model:
    """A model as /models shows it. Sizes in bytes, context in tokens; None or empty is "not told".

    `context_length` is what it has in memory, or would be loaded with; `trained_context_length` the most it could
    have. `is_cloud`: what is said to it leaves the backend's machine. `shares_with`: other names of the same weights,
    which are in memory once, in one way. `languages` are ISO 639 codes; `sampling` is what is used where a request
    does not say, in the names of `Sampling`.
    """

    id: str
    backend: str
    name: str = ""
    family: str | None = None
    parameters: str | None = None
    quantization: str | None = None
    size_bytes: int | None = None
    context_length: int | None = None
    capabilities: tuple[str, ...] = ()
    is_loaded: bool | None = None
    is_demo: bool = False
    created: int = 0
    memory_bytes: int | None = None
    trained_context_length: int | None = None
    is_cloud: bool = False
    shares_with: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    sampling: Mapping[str, float] = field(default_factory=dict)
    dimensions: int | None = None
    """How many numbers its vectors have."""
    fingerprint: str | None = None
    """`sha256:` and a digest of the model itself, or `sampled:` and one of parts of it. Vectors of two models that
    differ in it do not mix, whatever their names."""
