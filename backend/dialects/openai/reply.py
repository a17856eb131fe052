"""Writes whole answers, embeddings, listings and errors in OpenAI's dialect."""

from __future__ import annotations

import sys
from array import array
from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence

import orjson

from backend.dialects.chat import (
    JSON,
    Answer,
    Choice,
    EmbeddingRequest,
    Embeddings,
    Model,
    ToolCallDelta,
    Usage,
)
from backend.dialects.logprobs import joined_chat_logprobs, joined_completion_logprobs
from backend.dialects.objects import list_model, write_figures


def encode_chat(answer: Answer, model: str, id: str, created: int) -> bytes:
    """A `chat.completion`. The upstream's own id, time and model name are shown where it told them."""
    choices = [_chat_choice(index, choice) for index, choice in _choices(answer)]
    return _whole(answer, "chat.completion", choices, model, id, created)


def encode_completion(answer: Answer, model: str, id: str, created: int) -> bytes:
    """A `text_completion`. Reasoning has no place in this older form and is left out."""
    choices = [
        {
            "index": index,
            "text": "".join(choice.text),
            "logprobs": joined_completion_logprobs(choice.logprobs),
            "finish_reason": choice.finish_reason,
        }
        for index, choice in _choices(answer)
    ]
    return _whole(answer, "text_completion", choices, model, id, created)


def encode_embeddings(request: EmbeddingRequest, embeddings: Embeddings, model: Model) -> Iterator[bytes]:
    """In pieces, between which others may have their turn: two thousand vectors are a million numbers.

    base64 is written here, little-endian float32: LM Studio ignores the wish, and SDKs then read zeros. Whose vectors
    they are rides in `usage`, as all that is the gateway's own.
    """
    write = _float32 if request.encoding_format == "base64" else _numbers
    yield b'{"object":"list","data":['
    for index, vector in enumerate(embeddings.vectors):
        entry = orjson.dumps({"object": "embedding", "index": index, "embedding": write(vector)})
        yield b"," + entry if index else entry
    usage = {
        "prompt_tokens": embeddings.input_tokens,
        "total_tokens": embeddings.input_tokens,
        "passerelle": {
            "backend": model.backend,
            "dimensions": len(embeddings.vectors[0]),
            "fingerprint": model.fingerprint,
        },
    }
    yield b"]," + orjson.dumps({"model": model.id, "usage": usage})[1:]


def encode_models(models: Iterable[Model]) -> bytes:
    """`GET /v1/models`: OpenAI's four fields a model. the gateway's own `/models` tells more."""
    return orjson.dumps({"object": "list", "data": [list_model(model) for model in models]})


def encode_model(model: Model) -> bytes:
    return orjson.dumps(list_model(model))


def write_usage(usage: Usage) -> dict[str, JSON]:
    """OpenAI's counts; the gateway's own figures ride under one key, since clients keep unknown keys only here."""
    written: dict[str, JSON] = {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
    }
    if usage.cached_tokens is not None:
        written["prompt_tokens_details"] = {"cached_tokens": usage.cached_tokens}
    if usage.reasoning_tokens is not None:
        written["completion_tokens_details"] = {"reasoning_tokens": usage.reasoning_tokens}
    if usage.figures is not None:
        written["passerelle"] = write_figures(usage.figures)
    return written


def shown_finish_reason(reason: str | None, has_tool_calls: bool) -> str | None:
    """Ollama says "stop" after tool calls too; OpenAI's clients act on the calls only at "tool_calls"."""
    return "tool_calls" if reason == "stop" and has_tool_calls else reason


def _choices(answer: Answer) -> list[tuple[int, Choice]]:
    """In order, and at least one: clients read `choices[0]` unseen."""
    return sorted(answer.choices.items(), key=lambda item: item[0]) or [(0, Choice())]


def _chat_choice(index: int, choice: Choice) -> dict[str, JSON]:
    text = "".join(choice.text)
    message: dict[str, JSON] = {
        "role": "assistant",
        "content": None if choice.tool_calls and not text else text,
        "refusal": None,
    }
    if choice.reasoning:
        reasoning = "".join(choice.reasoning)
        message["reasoning_content"] = reasoning
        message["reasoning"] = reasoning
    if choice.tool_calls:
        message["tool_calls"] = [_tool_call(call) for call in sorted(choice.tool_calls, key=lambda call: call.index)]
    return {
        "index": index,
        "message": message,
        "logprobs": joined_chat_logprobs(choice.logprobs),
        "finish_reason": shown_finish_reason(choice.finish_reason, bool(choice.tool_calls)),
    }


def _tool_call(call: ToolCallDelta) -> dict[str, JSON]:
    function = {"name": call.name or "", "arguments": call.arguments}
    return {"id": call.id or "", "type": "function", "function": function}


def _whole(answer: Answer, kind: str, choices: list[dict[str, JSON]], model: str, id: str, created: int) -> bytes:
    started = answer.started
    written: dict[str, JSON] = {
        "id": started.id or id,
        "object": kind,
        "created": created if started.created is None else started.created,
        "model": started.model or model,
        "choices": choices,
    }
    if answer.usage is not None:
        written["usage"] = write_usage(answer.usage)
    return orjson.dumps(written)


def _numbers(vector: Sequence[float]) -> list[float]:
    return vector if isinstance(vector, list) else list(vector)


def _float32(vector: Sequence[float]) -> str:
    numbers = array("f", vector)
    if sys.byteorder == "big":
        numbers.byteswap()
    return b64encode(numbers.tobytes()).decode()
