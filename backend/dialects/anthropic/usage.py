"""How an answer ended, and what it cost, in Anthropic's words."""

from __future__ import annotations

from backend.dialects.chat import JSON, ChatRequest, FinishReason, PromptRead, Usage
from backend.dialects.estimate import estimate_tokens
from backend.dialects.objects import write_figures

_REASONS: dict[FinishReason, str] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
}


def write_end(reason: FinishReason | None, stop_text: str | None, has_calls: bool) -> dict[str, JSON]:
    """`stop_reason` and `stop_sequence`. Ollama says "stop" after tool calls, too."""
    if stop_text is not None:
        return {"stop_reason": "stop_sequence", "stop_sequence": stop_text}
    reason = "tool_calls" if reason == "stop" and has_calls else reason
    return {"stop_reason": _REASONS[reason] if reason is not None else None, "stop_sequence": None}


def write_usage(usage: Usage, request: ChatRequest) -> dict[str, JSON]:
    """The end's. A prompt that the backend did not count, because it was let go of before its own end, is estimated."""
    figures = usage.figures
    is_counted = usage.input_tokens > 0 or figures is None or not figures.estimated
    written = _input(usage.input_tokens, usage.cached_tokens) if is_counted else _input(estimate_tokens(request), None)
    written["output_tokens"] = usage.output_tokens
    if usage.reasoning_tokens is not None:
        written["output_tokens_details"] = {"thinking_tokens": usage.reasoning_tokens}
    if figures is not None:
        written["passerelle"] = write_figures(figures)
    return written


def write_start(prompt: PromptRead | None, request: ChatRequest) -> dict[str, JSON]:
    """The beginning's: what the backend has told of the prompt by then, else an estimate that says so."""
    if prompt is not None:
        return {**_input(prompt.tokens, prompt.cached_tokens), "output_tokens": 0}
    return {**_input(estimate_tokens(request), None), "output_tokens": 0, "passerelle": {"estimated": True}}


def _input(tokens: int, cached: int | None) -> dict[str, JSON]:
    """What was read from a cache is no part of `input_tokens` there."""
    cached = min(cached or 0, tokens)
    return {
        "input_tokens": tokens - cached,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": cached,
    }
