"""Writes the requests that we make of OpenAI-compatible servers: always a stream, usage always asked for."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import orjson

from backend.dialects.arguments import as_object_text
from backend.dialects.chat import (
    JSON,
    ChatRequest,
    CompletionRequest,
    EmbeddingRequest,
    Message,
    Part,
    Residency,
    ResponseFormat,
    Sampling,
    Text,
    Tool,
)

_GO_UNITS_S = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_GO_DURATION = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)")


@dataclass(frozen=True, slots=True)
class RequestQuirks:
    """What one server wants written otherwise than OpenAI does. Each backend's own file says which.

    `json_object_as_schema`: it knows no `json_object`; a schema of any object says the same.
    `named_tool_as_required`: it takes no tool by name; all others are left out and a call is required.
    `merge_system`: its chat templates want one system message, and that first.
    `sends_ttl`: it takes `ttl` (seconds until an idle model is unloaded); `keep_alive` stands in for one.
    `max_tokens_name`: `max_tokens` nearly everywhere, `max_completion_tokens` for OpenAI's own newer models.
    `repeat_penalty_names`: vLLM says `repetition_penalty`; each server ignores the other's name.
    `writes_base64`: it can write vectors as base64, which is quicker to write and to read than a million numbers.
    `object_arguments`: its chat templates want a call's arguments as an object, so it refuses any that are none.
    `tells_progress`: with `return_progress` it tells how long the prompt is before it answers.
    `thinking_budget`: it takes `thinking_budget_tokens`.
    `thinking`: where the switch for thinking goes. `reasoning_effort` is OpenAI's own field (LM Studio's and newer
    vLLM's too); `chat_template_kwargs` is how llama.cpp and vLLM hand `enable_thinking` to a model's template.
    """

    json_object_as_schema: bool = False
    named_tool_as_required: bool = False
    merge_system: bool = False
    object_arguments: bool = False
    sends_ttl: bool = False
    writes_base64: bool = False
    max_tokens_name: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    repeat_penalty_names: tuple[str, ...] = ("repeat_penalty",)
    tells_progress: bool = False
    thinking_budget: bool = False
    thinking: Literal["reasoning_effort", "chat_template_kwargs"] = "reasoning_effort"


PLAIN = RequestQuirks()


def encode_chat(request: ChatRequest, quirks: RequestQuirks = PLAIN) -> bytes:
    """The body of POST /chat/completions. What the caller did not say is left out, null is never sent."""
    messages = _merged(request.messages) if quirks.merge_system else request.messages
    if quirks.object_arguments:
        messages = tuple(map(_with_objects, messages))
    body = {
        "model": request.model,
        "messages": [_message(message) for message in messages],
        **_stream(request.n),
        **_sampling(request.sampling, quirks),
        **_tools(request, quirks),
        "response_format": _response_format(request.response_format, quirks),
        **_thinking(request, quirks),
        "ttl": _ttl(request.residency, quirks),
        "thinking_budget_tokens": request.thinking_tokens if quirks.thinking_budget else None,
        "return_progress": True if request.tells_prompt and quirks.tells_progress else None,
    }
    if request.sampling.logprobs:
        body |= {"logprobs": True, "top_logprobs": request.sampling.top_logprobs}
    return _dumps(body)


def encode_completion(request: CompletionRequest, quirks: RequestQuirks = PLAIN) -> bytes:
    """The body of POST /completions. `logprobs` is a count there, and llama.cpp takes 0 for "none"."""
    body = {
        "model": request.model,
        "prompt": request.prompt,
        "suffix": request.suffix,
        **_stream(request.n),
        **_sampling(request.sampling, quirks),
        "ttl": _ttl(request.residency, quirks),
    }
    if request.sampling.logprobs:
        body["logprobs"] = max(1, request.sampling.top_logprobs or 0)
    return _dumps(body)


def encode_embeddings(request: EmbeddingRequest, quirks: RequestQuirks = PLAIN) -> bytes:
    """The body of POST /embeddings. Whatever the caller wants, base64 is asked only of servers that are known to have
    it: LM Studio gives nothing but floats, and the gateway writes base64 itself."""
    body = {
        "model": request.model,
        "input": list(request.inputs),
        "dimensions": request.dimensions,
        "encoding_format": "base64" if quirks.writes_base64 else "float",
        "ttl": _ttl(request.residency, quirks),
    }
    return _dumps(body)


def unheeded(request: ChatRequest | CompletionRequest, quirks: RequestQuirks = PLAIN) -> tuple[str, ...]:
    """The fields of Ollama's and LM Studio's that this server has nothing for."""
    residency = request.residency
    named = {
        "options": bool(residency.options),
        "keep_alive": residency.keep_alive is not None and _ttl(residency, quirks) is None,
        "ttl": residency.ttl is not None and not quirks.sends_ttl,
    }
    return tuple(name for name, is_unheeded in named.items() if is_unheeded)


def _dumps(body: dict[str, JSON]) -> bytes:
    return orjson.dumps({name: value for name, value in body.items() if value is not None})


def _stream(n: int) -> dict[str, JSON]:
    return {"stream": True, "stream_options": {"include_usage": True}, "n": n if n > 1 else None}


def _sampling(sampling: Sampling, quirks: RequestQuirks) -> dict[str, JSON]:
    body: dict[str, JSON] = {
        quirks.max_tokens_name: sampling.max_tokens,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "top_k": sampling.top_k,
        "min_p": sampling.min_p,
        "seed": sampling.seed,
        "stop": list(sampling.stop) or None,
        "presence_penalty": sampling.presence_penalty,
        "frequency_penalty": sampling.frequency_penalty,
        "logit_bias": dict(sampling.logit_bias) if sampling.logit_bias else None,
    }
    return body | dict.fromkeys(quirks.repeat_penalty_names, sampling.repeat_penalty)


def _tools(request: ChatRequest, quirks: RequestQuirks) -> dict[str, JSON]:
    tools, choice = request.tools, request.tool_choice
    if not tools:
        return {}
    written: JSON = choice
    if isinstance(choice, tuple):
        name = choice[1]
        written = {"type": "function", "function": {"name": name}}
        if quirks.named_tool_as_required:
            tools = tuple(tool for tool in tools if tool.name == name)
            written = "required"
    return {
        "tools": [_tool(tool) for tool in tools],
        "tool_choice": written,
        "parallel_tool_calls": request.parallel_tool_calls,
    }


def _tool(tool: Tool) -> JSON:
    """LM Studio refuses a function without `parameters`, and `strict: null`."""
    function: dict[str, JSON] = {"name": tool.name}
    if tool.description is not None:
        function["description"] = tool.description
    function["parameters"] = dict(tool.parameters) if tool.parameters else {"type": "object", "properties": {}}
    if tool.strict is not None:
        function["strict"] = tool.strict
    return {"type": "function", "function": function}


def _response_format(response_format: ResponseFormat | None, quirks: RequestQuirks) -> JSON:
    if response_format is None:
        return None
    if response_format.kind == "json_object":
        if not quirks.json_object_as_schema:
            return {"type": "json_object"}
        return {"type": "json_schema", "json_schema": {"name": "object", "schema": {"type": "object"}}}
    schema: dict[str, JSON] = {"name": response_format.name or "answer", "schema": dict(response_format.schema or {})}
    if response_format.strict is not None:
        schema["strict"] = response_format.strict
    return {"type": "json_schema", "json_schema": schema}


def _thinking(request: ChatRequest, quirks: RequestQuirks) -> dict[str, JSON]:
    """`reasoning_effort` as said; else Ollama's `think` in its words: false is "none", a level is that effort, and
    true is what a thinking model does anyway."""
    effort = request.reasoning_effort
    if effort is None and request.think is not None:
        effort = request.think if isinstance(request.think, str) else None if request.think else "none"
    if quirks.thinking == "reasoning_effort":
        return {"reasoning_effort": effort}
    if effort == "none":
        return {"chat_template_kwargs": {"enable_thinking": False}}
    if effort is not None or request.think:
        return {"chat_template_kwargs": {"enable_thinking": True}, "reasoning_effort": effort}
    return {}


def _ttl(residency: Residency, quirks: RequestQuirks) -> int | None:
    """Whole seconds. What `keep_alive` says of "at once" and "for ever" has no like in a `ttl`."""
    if not quirks.sends_ttl or residency.ttl is not None:
        return residency.ttl if quirks.sends_ttl else None
    keep_alive = residency.keep_alive
    if isinstance(keep_alive, str):
        keep_alive = 0.0 if keep_alive.startswith("-") else _go_seconds(keep_alive)
    return math.ceil(keep_alive) if keep_alive and keep_alive > 0 else None


def _go_seconds(duration: str) -> float:
    if duration.isascii() and duration.isdigit():
        return float(duration)
    return sum(float(number) * _GO_UNITS_S[unit] for number, unit in _GO_DURATION.findall(duration))


def _merged(messages: Sequence[Message]) -> tuple[Message, ...]:
    system = [message.text for message in messages if message.role == "system"]
    if not system:
        return tuple(messages)
    rest = (message for message in messages if message.role != "system")
    return (Message("system", (Text("\n\n".join(system)),)), *rest)


def _with_objects(message: Message) -> Message:
    calls = tuple(replace(call, arguments=as_object_text(call.arguments)) for call in message.tool_calls)
    return replace(message, tool_calls=calls) if calls else message


def _message(message: Message) -> JSON:
    written: dict[str, Any] = {"role": message.role}
    if message.parts or not message.tool_calls:
        has_image = any(not isinstance(part, Text) for part in message.parts)
        written["content"] = [_part(part) for part in message.parts] if has_image else message.text
    if message.name is not None:
        written["name"] = message.name
    if message.tool_calls:
        written["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in message.tool_calls
        ]
    if message.tool_call_id is not None:
        written["tool_call_id"] = message.tool_call_id
    if message.reasoning:
        written["reasoning_content"] = message.reasoning
    return written


def _part(part: Part) -> JSON:
    if isinstance(part, Text):
        return {"type": "text", "text": part.text}
    return {"type": "image_url", "image_url": {"url": f"data:{part.media_type};base64,{part.data}"}}
