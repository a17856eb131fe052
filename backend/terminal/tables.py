"""What the gateway says of itself, as tables: `/models` and `/stats`. Values are checked, for a server sent them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from backend.terminal.screen import as_json, cell, details, printable, size, table

__all__ = ["as_json", "details", "models", "stats"]

_MODEL_COLUMNS = ("", "MODEL", "SIZE", "PARAMETERS", "QUANTIZATION", "CONTEXT", "SPEAKS", "LOADED", "CAN")
_STATS_COLUMNS = (
    "MODEL",
    "REQUESTS",
    "RUNNING",
    "ABORTED",
    "FAILED",
    "TOKENS IN",
    "TOKENS OUT",
    "TTFT MS p50/p95/p99",
    "TOKENS/S p50/p95/p99",
)


def models(listing: Mapping[str, Any]) -> str:
    entries = listing.get("data")
    rows = (
        [_model(entry, listing.get("default_model")) for entry in entries if isinstance(entry, dict)]
        if isinstance(entries, list)
        else []
    )
    backend = printable(cell(listing.get("backend")))
    if not rows:
        return f"The backend ({backend}) has no model."
    return f"Backend: {backend}\n\n" + table(_MODEL_COLUMNS, rows)


def _model(entry: Mapping[str, Any], default: Any) -> list[str]:
    name = cell(entry.get("id"))
    return [
        "*" if entry.get("id") == default else "",
        name + "".join(f" ({mark})" for mark in ("demo", "cloud") if entry.get(f"is_{mark}") is True),
        size(entry.get("size_bytes")),
        cell(entry.get("parameters")),
        cell(entry.get("quantization")),
        cell(entry.get("context_length")),
        cell(entry.get("languages")),
        cell(entry.get("is_loaded")),
        cell(entry.get("capabilities")),
    ]


def stats(figures: Mapping[str, Any]) -> str:
    per_model = _mapping(figures.get("models"))
    rows = [_tally(name, _mapping(tally)) for name, tally in per_model.items()]
    totals = _mapping(figures.get("totals"))
    return "\n".join(
        [
            _since(figures),
            _backend(_mapping(figures.get("backend"))),
            *_memory(_mapping(figures.get("memory"))),
            "",
            table(_STATS_COLUMNS, [*rows, _tally("all", totals)]),
            *_errors(_mapping(totals.get("errors"))),
        ]
    )


def _since(figures: Mapping[str, Any]) -> str:
    return printable(f"Since {cell(figures.get('since'))}, {_duration(figures.get('uptime_s'))}.")


def _duration(seconds: Any) -> str:
    if not isinstance(seconds, int | float):
        return "-"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _backend(backend: Mapping[str, Any]) -> str:
    words = [cell(backend.get("name")), cell(backend.get("version")), "at", cell(backend.get("url"))]
    state = "answers" if backend.get("ok") is True else "does not answer"
    told = f" {backend['message']}" if backend.get("message") else ""
    return printable(f"Backend: {' '.join(word for word in words if word != '-')}: {state}.{told}")


def _memory(memory: Mapping[str, Any]) -> list[str]:
    parts = []
    if memory.get("gateway_bytes") is not None:
        parts.append(f"gateway {size(memory.get('gateway_bytes'))}")
    loaded = memory.get("models")
    for entry in loaded if isinstance(loaded, list) else []:
        parts.append(f"{cell(_mapping(entry).get('id'))} {size(_mapping(entry).get('bytes'))}")
    return [printable(f"Memory: {', '.join(parts)}.")] if parts else []


def _tally(name: str, tally: Mapping[str, Any]) -> list[str]:
    failed = sum(count for count in _mapping(tally.get("errors")).values() if isinstance(count, int))
    counts = [cell(tally.get(key)) for key in ("requests", "in_flight", "aborted")]
    tokens = [cell(tally.get(key)) for key in ("input_tokens", "output_tokens")]
    return [
        name,
        *counts,
        str(failed),
        *tokens,
        _percentiles(tally.get("ttft_ms")),
        _percentiles(tally.get("tokens_per_second")),
    ]


def _percentiles(value: Any) -> str:
    known = [_mapping(value).get(key) for key in ("p50", "p95", "p99")]
    if not all(isinstance(number, int | float) for number in known):
        return "-"
    return " / ".join(f"{number:.1f}" for number in known)


def _errors(errors: Mapping[str, Any]) -> list[str]:
    told = ", ".join(f"{code} {cell(count)}" for code, count in errors.items())
    return ["", printable(f"Failures: {told}.")] if told else []


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
