"""Writes the requests that we make of Ollama over its native API: chat, generate, embed.

`truncate: false` goes with each of them, so that a prompt that does not fit is an error instead of being cut without
a word (Ollama ≥ 0.12.4; older ones ignore the field). `shift` is never sent: since 0.30 it is fixed when a model is
loaded, and a request that says other than the running copy makes Ollama load the model anew, for everyone
(server/sched.go: needsReload). So an answer that outgrows the context still makes Ollama forget the oldest half.
"""

from __future__ import annotations

from typing import Any

import orjson

from backend.dialects.arguments import as_object
from backend.dialects.chat import (
    JSON,
    ChatRequest,
    CompletionRequest,
    EmbeddingRequest,
    Image,
    Message,
    Residency,
    ResponseFormat,
    Sampling,
    ToolCall,
)
from backend.dialects.ollama.upstream.tools import write_tools
from backend.errors import BadRequest, Unsupported

_EFFORTS: dict[str, bool | str] = {
    "none": False,
    "minimal": "low",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "max",
    "ultra": "max",
    "max": "max",
}


def encode_chat(request: ChatRequest, *, can_think: bool | None = None) -> bytes:
    """The body of POST /api/chat. Raises Unsupported for what Ollama cannot do.

    `can_think` is whether the model thinks, None where that is not known: a `reasoning_effort`, which many clients
    always send, is then kept from a model that would refuse it. Ollama's own `think` goes as it was said.
    """
    body = {
        "model": request.model,
        "messages": _messages(request.messages),
        "stream": True,
        "truncate": False,
        "format": _format(request.response_format),
        "think": _think(request, can_think),
        "tools": write_tools(request) or None,
        **_generation(request.sampling, request.residency, request.n),
    }
    return _dumps(body)


def unheeded(request: ChatRequest) -> tuple[str, ...]:
    """The fields that Ollama has nothing for and that the answer may therefore not obey.

    A call that is `required` cannot be forced; refusing it would shut out every agent framework, while most models
    do call when tools are all they are offered. A named tool is the only one that is sent.
    """
    fields = []
    if request.tools and (request.tool_choice == "required" or isinstance(request.tool_choice, tuple)):
        fields.append("tool_choice")
    if request.tools and request.parallel_tool_calls is False:
        fields.append("parallel_tool_calls")
    if request.residency.ttl is not None and request.residency.keep_alive is not None:
        fields.append("ttl")  # alone it stands in for keep_alive
    return tuple(fields)


def encode_completion(request: CompletionRequest) -> bytes:
    """The body of POST /api/generate. The model's template is used, as Ollama's own /v1/completions does; thinking is
    switched off, for /completions has no place to show it and it would use up `max_tokens`."""
    body = {
        "model": request.model,
        "prompt": request.prompt,
        "suffix": request.suffix,
        "stream": True,
        "truncate": False,
        "think": False,
        **_generation(request.sampling, request.residency, request.n),
    }
    return _dumps(body)


def encode_embeddings(request: EmbeddingRequest) -> bytes:
    """The body of POST /api/embed."""
    body = {
        "model": request.model,
        "input": list(request.inputs),
        "truncate": False,
        "dimensions": request.dimensions,
        "keep_alive": _keep_alive(request.residency),
        "options": dict(request.residency.options) or None,
    }
    return _dumps(body)


def _dumps(body: dict[str, JSON]) -> bytes:
    return orjson.dumps({name: value for name, value in body.items() if value is not None})


def _generation(sampling: Sampling, residency: Residency, n: int) -> dict[str, JSON]:
    if n > 1:
        raise Unsupported("Ollama gives one answer to a request: ask `n` times instead.", "n")
    if sampling.logit_bias:
        raise Unsupported("Ollama has no `logit_bias`.", "logit_bias")
    body: dict[str, JSON] = {
        "keep_alive": _keep_alive(residency),
        "options": {**residency.options, **_options(sampling)} or None,
    }
    if sampling.logprobs:
        body |= {"logprobs": True, "top_logprobs": sampling.top_logprobs}
    return body


def _options(sampling: Sampling) -> dict[str, JSON]:
    options = {
        "num_predict": sampling.max_tokens,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "top_k": sampling.top_k,
        "min_p": sampling.min_p,
        "seed": sampling.seed,
        "stop": list(sampling.stop) or None,
        "presence_penalty": sampling.presence_penalty,
        "frequency_penalty": sampling.frequency_penalty,
        "repeat_penalty": sampling.repeat_penalty,
    }
    return {name: value for name, value in options.items() if value is not None}


def _keep_alive(residency: Residency) -> str | int | float | None:
    """As said, but seconds in a string become a number: Ollama refuses those. LM Studio's `ttl` means the same."""
    keep_alive = residency.keep_alive
    if keep_alive is None:
        return residency.ttl
    if isinstance(keep_alive, str):
        try:
            seconds = float(keep_alive)
        except ValueError:
            return keep_alive
        return int(seconds) if seconds.is_integer() else seconds
    return keep_alive


def _format(response_format: ResponseFormat | None) -> JSON:
    if response_format is None:
        return None
    return "json" if response_format.kind == "json_object" else dict(response_format.schema or {"type": "object"})


def _think(request: ChatRequest, can_think: bool | None) -> bool | str | None:
    if request.think is not None:
        return request.think
    if request.reasoning_effort is None or can_think is False:
        return None
    if request.reasoning_effort not in _EFFORTS:
        raise BadRequest(f"`reasoning_effort` must be one of {', '.join(_EFFORTS)}.", "reasoning_effort")
    return _EFFORTS[request.reasoning_effort]


def _messages(messages: tuple[Message, ...]) -> list[JSON]:
    names = {call.id: call.name for message in messages for call in message.tool_calls}
    return [_message(message, names) for message in messages]


def _message(message: Message, names: dict[str, str]) -> JSON:
    written: dict[str, Any] = {"role": message.role, "content": message.text}
    if images := [part.data for part in message.parts if isinstance(part, Image)]:
        written["images"] = images
    if message.reasoning:
        written["thinking"] = message.reasoning
    if message.tool_calls:
        written["tool_calls"] = [_tool_call(index, call) for index, call in enumerate(message.tool_calls)]
    if message.role == "tool":
        id = message.tool_call_id
        if name := message.name or names.get(id or ""):
            written["tool_name"] = name
        if id:
            written["tool_call_id"] = id
    return written


def _tool_call(index: int, call: ToolCall) -> JSON:
    return {"id": call.id, "function": {"index": index, "name": call.name, "arguments": as_object(call.arguments)}}
