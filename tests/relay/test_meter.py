from __future__ import annotations

import pytest

from backend.dialects.chat import TextDelta, Usage
from backend.observers.exchange import Exchange, Observers
from backend.relay.meter import Meter


def test_tokens_that_came_in_a_lump_are_measured_by_the_backends_clock() -> None:
    meter = Meter(Observers([]), "r", "POST", "/")
    for _ in range(6):
        meter.note(TextDelta("x"))
    usage = Usage(output_tokens=6, eval_ms=60_000)

    meter.note(usage)

    assert usage.figures is not None
    assert usage.figures.tokens_per_second == 0.08, "five of them came within that minute"


def test_without_a_measure_of_the_backend_the_time_after_the_first_token_counts() -> None:
    meter = Meter(Observers([]), "r", "POST", "/")
    for _ in range(3):
        meter.note(TextDelta("x"))
    usage = Usage(output_tokens=3)

    meter.note(usage)

    assert usage.figures is not None
    assert usage.figures.tokens_per_second is not None
    assert usage.figures.ttft_ms is not None


@pytest.mark.parametrize("eval_ms", [None, 0.001, 500.0])
def test_one_token_has_no_speed(eval_ms: float | None) -> None:
    meter = Meter(Observers([]), "r", "POST", "/")
    meter.note(TextDelta("x"))
    usage = Usage(output_tokens=1, eval_ms=eval_ms)

    meter.note(usage)

    assert usage.figures is not None
    assert usage.figures.tokens_per_second is None


def test_the_end_is_told_once() -> None:
    told: list[Exchange] = []
    meter = Meter(Observers([told.append]), "r", "POST", "/")

    meter.end("aborted", 499)
    meter.end("ok", 200)

    assert [exchange.outcome for exchange in told] == ["aborted"]


def test_an_observer_that_fails_is_counted_and_the_others_are_told() -> None:
    told: list[Exchange] = []

    def broken(exchange: Exchange) -> None:
        raise ValueError("a prompt")

    observers = Observers([broken, told.append])

    Meter(observers, "r", "POST", "/").end("ok", 200)

    assert observers.failures == 1
    assert len(told) == 1
