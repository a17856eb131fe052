"""Which models leaving cannot hurt. The shapes of expires_at are those of Ollama 0.33."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from backend.backends.residents import ANSWER_PROVES_S, LISTING_PROVES_S, Residents

TODAY = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
IN_4_MINUTES = "2026-11-21T11:04:00.123456789+01:00"


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def today(self) -> datetime:
        return TODAY + timedelta(seconds=self.now - 1000.0)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def residents(clock: Clock) -> Residents:
    return Residents(clock, clock.today)


def test_nothing_is_known_of_a_model_at_first(residents: Residents) -> None:
    assert not residents.holds("a")


def test_a_model_that_has_answered_is_in_memory_for_a_while(residents: Residents, clock: Clock) -> None:
    residents.answered("a")

    clock.now += ANSWER_PROVES_S - 1
    assert residents.holds("a")
    clock.now += 2
    assert not residents.holds("a")


def test_a_model_that_is_listed_may_still_be_loading(residents: Residents, clock: Clock) -> None:
    for second in range(5):  # Ollama makes up a later time for it at every look
        residents.listed({"a": (TODAY + timedelta(minutes=5, seconds=second)).isoformat()}, clock.now)
        clock.now += 1

    assert not residents.holds("a")


def test_a_model_whose_expiry_stands_still_has_finished_a_request(residents: Residents, clock: Clock) -> None:
    residents.listed({"a": IN_4_MINUTES}, clock.now)
    clock.now += 5
    residents.listed({"a": IN_4_MINUTES}, clock.now)

    assert residents.holds("a")
    assert repr(residents) == "<Residents ['a']>"
    clock.now += 240
    assert not residents.holds("a")


def test_a_model_that_is_kept_for_ever_is_proven_for_a_few_minutes(residents: Residents, clock: Clock) -> None:
    for _ in range(2):
        residents.listed({"a": "2319-01-01T00:00:00Z"}, clock.now)

    clock.now += LISTING_PROVES_S - 1
    assert residents.holds("a")
    clock.now += 2
    assert not residents.holds("a")


@pytest.mark.parametrize("expires_at", ["0001-01-01T00:00:00Z", "soon", "2026-11-21T10:00:00", "2026-11-21T09:59:59Z"])
def test_an_expiry_that_is_over_or_no_time_proves_nothing(residents: Residents, clock: Clock, expires_at: str) -> None:
    for _ in range(3):
        residents.listed({"a": expires_at}, clock.now)

    assert not residents.holds("a")


def test_a_model_that_is_no_longer_listed_is_gone(residents: Residents, clock: Clock) -> None:
    residents.answered("a")
    clock.now += 1
    residents.listed({}, clock.now)

    assert not residents.holds("a")


def test_a_listing_asked_for_before_the_answer_does_not_deny_it(residents: Residents, clock: Clock) -> None:
    asked_at = clock.now
    clock.now += 1
    residents.answered("a")
    residents.listed({}, asked_at)

    assert residents.holds("a")


def test_a_model_that_was_loaded_may_have_pushed_out_the_others(residents: Residents, clock: Clock) -> None:
    residents.answered("a")
    residents.answered("a")
    assert residents.holds("a")

    residents.answered("b")

    assert residents.holds("b")
    assert not residents.holds("a")
