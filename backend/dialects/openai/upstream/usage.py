"""Reads token counts and times of OpenAI-compatible servers. They are a help: what makes no sense is left out."""

from __future__ import annotations

from typing import Any

from backend.dialects.chat import JSON, PromptRead, Usage


class UsageReader:
    """The last `usage` of a stream holds (vLLM can send one with every chunk), and so do llama.cpp's `timings`."""

    def __init__(self) -> None:
        self._usage: dict[str, Any] = {}
        self._timings: dict[str, Any] = {}
        self._has_progress = False

    def read(self, chunk: dict[str, JSON]) -> None:
        if (usage := chunk.get("usage")) and isinstance(usage, dict):
            self._usage = usage
        if (timings := chunk.get("timings")) and isinstance(timings, dict):
            self._timings = timings

    def prompt(self, chunk: dict[str, JSON]) -> PromptRead | None:
        """What llama.cpp tells with `return_progress`, the first time that it does."""
        progress = chunk.get("prompt_progress")
        if self._has_progress or not isinstance(progress, dict) or (total := _count(progress.get("total"))) is None:
            return None
        self._has_progress = True
        return PromptRead(total, _count(progress.get("cache")))

    def usage(self) -> Usage | None:
        """None where the server told nothing."""
        usage, timings = self._usage, self._timings
        if not usage and not timings:
            return None
        if not usage:
            cached = _count(timings.get("cache_n"))
            usage = {
                "prompt_tokens": (cached or 0) + (_count(timings.get("prompt_n")) or 0),
                "completion_tokens": timings.get("predicted_n"),
                "prompt_tokens_details": {"cached_tokens": cached},
            }
        return Usage(
            _count(usage.get("prompt_tokens")) or 0,
            _count(usage.get("completion_tokens")) or 0,
            _count(_dict(usage.get("prompt_tokens_details")).get("cached_tokens")),
            _count(_dict(usage.get("completion_tokens_details")).get("reasoning_tokens")),
            None,
            _milliseconds(timings.get("prompt_ms")),
            _milliseconds(timings.get("predicted_ms")),
        )


def _dict(value: JSON) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _count(value: JSON) -> int | None:
    return value if type(value) is int and 0 <= value < 2**53 else None


def _milliseconds(value: JSON) -> float | None:
    return float(value) if type(value) in (int, float) and 0 <= value < 1e12 else None
