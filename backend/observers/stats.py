"""Counts and percentiles for `/stats`, from the exchanges it is told of. Knows nothing of HTTP.

Nothing here waits, so that one process of cooperative threads needs no lock around it.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from backend.observers.exchange import Exchange

MAX_MODELS = 200
MAX_ERROR_CODES = 50
MAX_SAMPLES = 1000
OTHER = "other"


def _samples() -> deque[float]:
    return deque(maxlen=MAX_SAMPLES)


@dataclass(slots=True)
class Tally:
    """What is counted for one model, and once more for all of them."""

    requests: int = 0
    in_flight: int = 0
    aborted: int = 0
    errors: dict[str, int] = field(default_factory=dict)
    input_tokens: int = 0
    output_tokens: int = 0
    ttft_ms: deque[float] = field(default_factory=_samples)
    tokens_per_second: deque[float] = field(default_factory=_samples)

    def add(self, exchange: Exchange) -> None:
        self.requests += 1
        if exchange.outcome == "aborted":
            self.aborted += 1
        elif exchange.outcome == "error":
            self._add_error(exchange.error_code or "internal_error")
        self.input_tokens += max(0, exchange.input_tokens)
        self.output_tokens += max(0, exchange.output_tokens)
        _keep(self.ttft_ms, exchange.ttft_ms)
        _keep(self.tokens_per_second, exchange.tokens_per_second)

    def _add_error(self, code: str) -> None:
        if code not in self.errors and len(self.errors) >= MAX_ERROR_CODES:
            code = OTHER
        self.errors[code] = self.errors.get(code, 0) + 1

    def snapshot(self) -> dict[str, Any]:
        return {
            "requests": self.requests,
            "in_flight": self.in_flight,
            "aborted": self.aborted,
            "errors": dict(self.errors),
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "ttft_ms": percentiles(self.ttft_ms),
            "tokens_per_second": percentiles(self.tokens_per_second),
        }


class Stats:
    """An observer that adds exchanges up, for ever and per model.

    Call `begin(model)` once routing has resolved a request's model; that exchange, told with this model as `begun`,
    ends it. An exchange without a model (a wrong key, a body that is no JSON) counts in the totals
    only. Requests that generate nothing (any method but POST, and the management of models) are not counted.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, since: datetime | None = None) -> None:
        self._clock = clock
        self._started_at = clock()
        self._since = since or datetime.now(UTC)
        self._totals = Tally()
        self._models: dict[str, Tally] = {}

    def begin(self, model: str) -> None:
        self._tally(model).in_flight += 1
        self._totals.in_flight += 1

    def __call__(self, exchange: Exchange) -> None:
        if exchange.method != "POST" or not exchange.is_counted:
            return
        self._totals.add(exchange)
        if exchange.model is not None:
            self._tally(exchange.model).add(exchange)
        if exchange.begun is not None:
            self._tally(exchange.begun).in_flight -= 1
            self._totals.in_flight -= 1

    def snapshot(self) -> dict[str, Any]:
        """`since`, `uptime_s`, `totals` and `models` of `/stats`."""
        return {
            "since": self._since.isoformat(timespec="seconds"),
            "uptime_s": round(self._clock() - self._started_at, 1),
            "totals": self._totals.snapshot(),
            "models": {name: tally.snapshot() for name, tally in self._models.items()},
        }

    def _tally(self, model: str) -> Tally:
        # Names are never forgotten, so one that went to "other" once always does: begin and end agree.
        tally = self._models.get(model)
        if tally is None:
            name = model if len(self._models) < MAX_MODELS else OTHER
            tally = self._models.setdefault(name, Tally())
        return tally


def _keep(samples: deque[float], value: float | None) -> None:
    if value is not None and math.isfinite(value) and value >= 0:
        samples.append(value)


def percentiles(samples: Iterable[float]) -> dict[str, float | None]:
    """p50, p95 and p99 by nearest rank: each is a value that was measured. None where nothing was."""
    ordered = sorted(samples)
    if not ordered:
        return {"p50": None, "p95": None, "p99": None}
    return {f"p{rank}": round(ordered[math.ceil(rank * len(ordered) / 100) - 1], 2) for rank in (50, 95, 99)}
