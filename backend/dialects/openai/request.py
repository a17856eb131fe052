"""Reads the requests of OpenAI's dialect. Field facts: OpenAI's OpenAPI description of August 2026.

A body is a JSON object that has passed the strict parser: no duplicate keys, finite numbers, bounded depth.
Fields that only keep OpenAI's books (`user`, `metadata`, …) are dropped without a word; any other unknown
field is dropped and named in `ignored`, since the caller may have counted on it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from backend.dialects.chat import JSON, ChatRequest, CompletionRequest, EmbeddingRequest, ResponseFormat, Sampling
from backend.dialects.fields import Fields
from backend.dialects.messages import read_messages
from backend.dialects.openai.tools import TOOL_FIELDS, read_tools
from backend.dialects.sampling import (
    RESIDENCY_FIELDS,
    SAMPLING_FIELDS,
    read_logprobs,
    read_residency,
    read_sampling,
    read_think,
)
from backend.errors import BadRequest, Unsupported

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "ultra", "max")
_BOOKKEEPING = frozenset(
    (
        "metadata",
        "moderation",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "safety_identifier",
        "service_tier",
        "store",
        "user",
    )
)
_GENERATION = frozenset(("model", "stream", "stream_options", "n", "logprobs", *SAMPLING_FIELDS, *RESIDENCY_FIELDS))
_CHAT = _GENERATION | {"messages", "response_format", "reasoning_effort", "reasoning", "think", "top_logprobs"}
CHAT_FIELDS = _CHAT | {*TOOL_FIELDS, "modalities"}
COMPLETION_FIELDS = _GENERATION | {"prompt", "suffix", "echo", "best_of"}
EMBEDDING_FIELDS = frozenset(("model", "input", "dimensions", "encoding_format", *RESIDENCY_FIELDS))
_MOST_CHOICES = 16
_MOST_INPUTS = 2048
_MOST_DIMENSIONS = 65536
TextOf = Callable[[Sequence[int]], str]


def parse_chat(body: Mapping[str, JSON]) -> ChatRequest:
    """`POST /v1/chat/completions`. Raises BadRequest and Unsupported, with the field in `param`."""
    fields = Fields(body)
    ignored = fields.dropped(CHAT_FIELDS, _BOOKKEEPING)
    if any(modality != "text" for modality in fields.texts("modalities")):
        raise Unsupported("Only text can be answered here.", "modalities")
    tools, tool_choice = read_tools(fields)
    return ChatRequest(
        messages=read_messages(fields),
        sampling=read_sampling(fields, **read_logprobs(fields)),
        tools=tools,
        tool_choice=tool_choice,
        parallel_tool_calls=fields.flag("parallel_tool_calls") if tools else None,
        response_format=_response_format(fields),
        reasoning_effort=_effort(fields),
        think=read_think(fields),
        ignored=ignored,
        **_delivery(fields),
    )


def parse_completion(body: Mapping[str, JSON]) -> CompletionRequest:
    """`POST /v1/completions`. Raises BadRequest and Unsupported, with the field in `param`."""
    fields = Fields(body)
    ignored = fields.dropped(COMPLETION_FIELDS, _BOOKKEEPING)
    if fields.flag("echo"):
        raise Unsupported("`echo` is not supported: the prompt is not sent back.", "echo")
    if (fields.whole("best_of", 0, _MOST_INPUTS) or 1) > 1:
        raise Unsupported("`best_of` is not supported: ask for `n` and choose.", "best_of")
    return CompletionRequest(
        prompt=_prompt(fields),
        suffix=fields.text("suffix") or None,
        sampling=_completion_sampling(fields),
        ignored=ignored,
        **_delivery(fields),
    )


def parse_embeddings(body: Mapping[str, JSON], text_of: TextOf) -> EmbeddingRequest:
    """`POST /v1/embeddings`. Raises BadRequest, with the field in `param`.

    `text_of` says what token numbers of OpenAI's stand for, and raises KeyError for those that are none.
    """
    fields = Fields(body)
    ignored = fields.dropped(EMBEDDING_FIELDS, _BOOKKEEPING)
    return EmbeddingRequest(
        model=fields.model(),
        inputs=_inputs(fields, text_of),
        dimensions=fields.whole("dimensions", 1, _MOST_DIMENSIONS),
        encoding_format="base64" if fields.choice("encoding_format", ("float", "base64")) == "base64" else "float",
        residency=read_residency(fields),
        ignored=ignored,
    )


def _delivery(fields: Fields) -> dict[str, Any]:
    """What chats and completions say alike of the model and of how the answer should come."""
    options = fields.object("stream_options") or Fields({}, "stream_options")
    return {
        "model": fields.model(),
        "stream": bool(fields.flag("stream")),
        "include_usage": bool(options.flag("include_usage")),
        "n": fields.whole("n", 1, _MOST_CHOICES) or 1,
        "residency": read_residency(fields),
    }


def _effort(fields: Fields) -> str | None:
    reasoning = fields.object("reasoning") or Fields({}, "reasoning")
    nested = reasoning.choice("effort", EFFORTS)
    return fields.choice("reasoning_effort", EFFORTS) or nested


def _response_format(fields: Fields) -> ResponseFormat | None:
    form = fields.object("response_format")
    if form is None:
        return None
    match form.value("type"):
        case "text":
            return None
        case "json_object" if form.has("schema"):  # llama.cpp's and Together's way to send a schema
            return ResponseFormat("json_schema", schema=form.json_object("schema"))
        case "json_object":
            return ResponseFormat("json_object")
        case "json_schema":
            inner = form.require("json_schema")
            schema = inner.json_object("schema")
            if schema is None:
                raise inner.fault("schema", "must be an object.")
            return ResponseFormat("json_schema", inner.label("name", 256), schema, inner.flag("strict"))
    raise form.fault("type", "must be text, json_object or json_schema.")


def _completion_sampling(fields: Fields) -> Sampling:
    """`logprobs` is a number here: how many alternatives to tell for each token."""
    top = fields.whole("logprobs", 0, 20)
    return read_sampling(fields, logprobs=top is not None, top_logprobs=top)


def _prompt(fields: Fields) -> str:
    prompt = fields.value("prompt")
    if isinstance(prompt, str):
        return fields.text("prompt") or ""
    if not isinstance(prompt, list):
        raise fields.fault("prompt", "must be a string.")
    if any(not isinstance(item, str) for item in prompt):
        raise fields.fault("prompt", "must be text: token numbers of another tokenizer mean nothing to this model.")
    if len(prompt) != 1:
        raise fields.fault("prompt", "must be one prompt: send several as requests of their own.")
    return fields.texts("prompt")[0]


def _inputs(fields: Fields, text_of: TextOf) -> tuple[str, ...]:
    inputs = fields.value("input")
    if isinstance(inputs, str):
        return (fields.text("input") or "",)
    if not isinstance(inputs, list) or not inputs:
        raise fields.fault("input", "must be a string, a list of strings, a list of tokens or a list of such lists.")
    if type(inputs[0]) is int:
        return (_decoded(inputs, "input", text_of),)
    if len(inputs) > _MOST_INPUTS:
        raise fields.fault("input", f"must be a list of 1 to {_MOST_INPUTS} texts.")
    if isinstance(inputs[0], list):
        return tuple(_decoded(tokens, f"input[{place}]", text_of) for place, tokens in enumerate(inputs))
    return fields.texts("input")


def _decoded(tokens: JSON, param: str, text_of: TextOf) -> str:
    if not isinstance(tokens, list) or not tokens or any(type(token) is not int for token in tokens):
        raise BadRequest(f"`{param}` must be a list of whole numbers, as the first one is.", param)
    try:
        return text_of(tokens)
    except KeyError as fault:
        raise BadRequest(f"`{param}` holds {str(fault)[:20]}, which is no token of cl100k_base.", param) from None
