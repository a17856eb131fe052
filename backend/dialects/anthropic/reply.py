"""Writes whole answers in Anthropic's dialect."""

from __future__ import annotations

import orjson

from backend.dialects.anthropic.calls import Call, garbled, read_input
from backend.dialects.anthropic.seal import seal, sign
from backend.dialects.anthropic.usage import write_end, write_usage
from backend.dialects.chat import JSON, Answer, ChatRequest, Choice, Usage


def encode_message(request: ChatRequest, answer: Answer, model: str, id: str) -> bytes:
    """Raises BackendFailed for a call without sense; one that `max_tokens` cut off is left out."""
    choice = answer.choices.get(0) or Choice()
    calls = _calls(choice)
    return orjson.dumps(
        {
            "id": id,
            "type": "message",
            "role": "assistant",
            "model": model,
            "content": [*_thinking(request, choice), *_text(choice), *calls],
            **write_end(choice.finish_reason, choice.stop_text, bool(calls)),
            "usage": write_usage(answer.usage or Usage(), request),
        }
    )


def encode_count(tokens: int) -> bytes:
    return orjson.dumps({"input_tokens": tokens})


def _thinking(request: ChatRequest, choice: Choice) -> list[JSON]:
    thinking = "".join(choice.reasoning)
    if not thinking or request.reasoning == "left out":
        return []
    if request.reasoning == "sealed":
        return [{"type": "thinking", "thinking": "", "signature": seal(thinking)}]
    return [{"type": "thinking", "thinking": thinking, "signature": sign(thinking)}]


def _text(choice: Choice) -> list[JSON]:
    text = "".join(choice.text)
    return [{"type": "text", "text": text}] if text else []


def _calls(choice: Choice) -> list[JSON]:
    blocks: list[JSON] = []
    for piece in sorted(choice.tool_calls, key=lambda call: call.index):
        input = read_input(piece.arguments)
        if input is not None:
            blocks.append(Call(piece.id or f"toolu_{piece.index}", piece.name or "").block(input))
        elif choice.finish_reason != "length":
            raise garbled()
    return blocks
