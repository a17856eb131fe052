from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Any

import pytest

from backend.observers.exchange import Exchange, Observers
from backend.observers.stats import MAX_ERROR_CODES, MAX_MODELS, MAX_SAMPLES, Stats, percentiles


class Clock:
    def __init__(self) -> None:
        self.now_s = 50.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def stats(clock: Clock) -> Stats:
    return Stats(clock, datetime(2026, 11, 21, 12, 0, tzinfo=UTC))


def exchange(**changes: Any) -> Exchange:
    fields: dict[str, Any] = {
        "request_id": "r1",
        "route": "/v1/chat/completions",
        "method": "POST",
        "status": 200,
        "outcome": "ok",
        "duration_ms": 12.0,
        "model": "demo",
        "backend": "embedded",
    }
    return Exchange(**{**fields, **changes})


def test_a_fresh_gateway_has_counted_nothing(stats: Stats, clock: Clock) -> None:
    clock.now_s += 2.54

    assert stats.snapshot() == {
        "since": "2026-11-21T12:00:00+00:00",
        "uptime_s": 2.5,
        "totals": {
            "requests": 0,
            "in_flight": 0,
            "aborted": 0,
            "errors": {},
            "input_tokens": 0,
            "output_tokens": 0,
            "ttft_ms": {"p50": None, "p95": None, "p99": None},
            "tokens_per_second": {"p50": None, "p95": None, "p99": None},
        },
        "models": {},
    }


def test_an_exchange_counts_for_its_model_and_in_the_totals(stats: Stats) -> None:
    stats.begin("demo")
    stats(exchange(begun="demo", input_tokens=7, output_tokens=30, ttft_ms=41.234, tokens_per_second=50.0))
    stats(exchange(model="llama3:8b", input_tokens=1, output_tokens=2, ttft_ms=100.0, tokens_per_second=10.0))

    snapshot = stats.snapshot()

    assert snapshot["models"]["demo"]["input_tokens"] == 7
    assert snapshot["models"]["demo"]["ttft_ms"] == {"p50": 41.23, "p95": 41.23, "p99": 41.23}
    assert snapshot["models"]["llama3:8b"]["requests"] == 1
    assert snapshot["totals"]["requests"] == 2
    assert snapshot["totals"]["output_tokens"] == 32
    assert snapshot["totals"]["tokens_per_second"] == {"p50": 10.0, "p95": 50.0, "p99": 50.0}


def test_requests_in_flight_come_down_however_they_end(stats: Stats) -> None:
    rolled = random.Random(1)
    models = ["a", "b", "c"]
    endings = [rolled.choice(models) for _ in range(10_000)]
    for model in endings:
        stats.begin(model)
    assert stats.snapshot()["totals"]["in_flight"] == 10_000

    for model in rolled.sample(endings, len(endings)):
        outcome = rolled.choice(["ok", "aborted", "error"])
        stats(exchange(model=model, begun=model, outcome=outcome))

    snapshot = stats.snapshot()
    assert [snapshot["models"][model]["in_flight"] for model in models] == [0, 0, 0]
    assert snapshot["totals"]["in_flight"] == 0
    assert snapshot["totals"]["requests"] == 10_000


def test_an_attempt_at_another_model_ends_what_the_first_one_began(stats: Stats) -> None:
    stats.begin("a")

    stats(exchange(model="b", begun="a"))

    snapshot = stats.snapshot()
    assert [snapshot["models"][model]["in_flight"] for model in ("a", "b")] == [0, 0]
    assert [snapshot["models"][model]["requests"] for model in ("a", "b")] == [0, 1]
    assert snapshot["totals"]["in_flight"] == 0


def test_an_exchange_that_never_began_leaves_no_negative_count(stats: Stats) -> None:
    stats.begin("b")

    stats(exchange(model="a", input_tokens=-5))

    snapshot = stats.snapshot()
    assert snapshot["models"]["a"]["in_flight"] == 0
    assert snapshot["models"]["a"]["input_tokens"] == 0
    assert snapshot["models"]["b"]["in_flight"] == snapshot["totals"]["in_flight"] == 1


def test_an_abort_is_neither_a_success_nor_an_error(stats: Stats) -> None:
    stats(exchange(outcome="aborted"))

    tally = stats.snapshot()["models"]["demo"]
    assert (tally["requests"], tally["aborted"], tally["errors"]) == (1, 1, {})


def test_errors_are_counted_by_their_code(stats: Stats) -> None:
    for code in ("truncated", "truncated", "backend_timeout", None):
        stats(exchange(outcome="error", status=502, error_code=code))

    assert stats.snapshot()["models"]["demo"]["errors"] == {
        "truncated": 2,
        "backend_timeout": 1,
        "internal_error": 1,
    }


def test_a_request_that_never_got_a_model_counts_in_the_totals_only(stats: Stats) -> None:
    stats(exchange(model=None, backend=None, outcome="error", status=401, error_code="invalid_api_key"))

    snapshot = stats.snapshot()
    assert snapshot["totals"]["errors"] == {"invalid_api_key": 1}
    assert snapshot["models"] == {}


def test_looking_is_not_counted(stats: Stats) -> None:
    stats(exchange(method="GET", route="/stats", model=None))

    assert stats.snapshot()["totals"]["requests"] == 0


def test_model_names_beyond_the_limit_share_one_entry(stats: Stats) -> None:
    names = [f"model-{number}" for number in range(MAX_MODELS * 3)]
    for name in names:
        stats.begin(name)
    for name in names:
        stats(exchange(model=name, begun=name))

    snapshot = stats.snapshot()
    assert len(snapshot["models"]) == MAX_MODELS + 1
    assert snapshot["models"]["other"]["requests"] == MAX_MODELS * 2
    assert {tally["in_flight"] for tally in snapshot["models"].values()} == {0}


def test_error_codes_beyond_the_limit_share_one_entry(stats: Stats) -> None:
    for number in range(MAX_ERROR_CODES * 2):
        stats(exchange(outcome="error", error_code=f"code-{number}"))

    errors = stats.snapshot()["totals"]["errors"]
    assert len(errors) == MAX_ERROR_CODES + 1
    assert errors["other"] == MAX_ERROR_CODES


def test_only_the_latest_samples_make_the_percentiles(stats: Stats) -> None:
    for _ in range(MAX_SAMPLES):
        stats(exchange(ttft_ms=9000.0))
    for number in range(MAX_SAMPLES):
        stats(exchange(ttft_ms=float(number + 1)))

    assert stats.snapshot()["models"]["demo"]["ttft_ms"] == {"p50": 500.0, "p95": 950.0, "p99": 990.0}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.0, None])
def test_a_figure_that_is_no_time_is_not_sampled(stats: Stats, value: float | None) -> None:
    stats(exchange(ttft_ms=value, tokens_per_second=value))

    assert stats.snapshot()["totals"]["ttft_ms"]["p50"] is None


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        ([3.0], (3.0, 3.0, 3.0)),
        ([1.0, 2.0], (1.0, 2.0, 2.0)),
        ([float(n) for n in range(1, 101)], (50.0, 95.0, 99.0)),
        ([15.0, 20.0, 35.0, 40.0, 50.0], (35.0, 50.0, 50.0)),
    ],
)
def test_percentiles_are_the_nearest_ranks(samples: list[float], expected: tuple[float, ...]) -> None:
    random.shuffle(samples)

    assert tuple(percentiles(samples).values()) == expected


def test_stats_are_an_observer(stats: Stats) -> None:
    observers = Observers([stats])

    observers.tell(exchange())

    assert observers.failures == 0
    assert stats.snapshot()["totals"]["requests"] == 1


def test_what_asks_nothing_of_a_model_is_not_counted(stats: Stats) -> None:
    stats(exchange(route="/models/load", model=None, is_counted=False))
    stats(exchange(route="/models/load", model=None, is_counted=False, outcome="error", error_code="management_off"))

    assert (stats.snapshot()["totals"]["requests"], stats.snapshot()["totals"]["errors"]) == (0, {})
