from __future__ import annotations

from collections.abc import Callable

import gevent
import pytest
from gevent.event import Event

from backend.errors import BackendFailed
from backend.routing.flight import Flight


def joined(flight: Flight[int], work: Callable[[], int], times: int) -> list[gevent.Greenlet]:
    greenlets = [gevent.spawn(flight.join, work) for _ in range(times)]
    gevent.idle()
    return greenlets


def test_work_that_is_under_way_is_shared() -> None:
    go, runs = Event(), []

    def work() -> int:
        runs.append(1)
        go.wait()
        return 7

    flight: Flight[int] = Flight()
    greenlets = joined(flight, work, 5)
    assert flight.is_under_way
    go.set()

    assert [greenlet.get(timeout=5) for greenlet in greenlets] == [7] * 5
    assert len(runs) == 1
    assert not flight.is_under_way


def test_later_work_is_done_anew() -> None:
    flight: Flight[int] = Flight()

    assert [flight.join(iter(range(5)).__next__), flight.join(lambda: 9)] == [0, 9]


def test_a_failure_is_shared() -> None:
    go = Event()

    def work() -> int:
        go.wait()
        raise BackendFailed("broken")

    greenlets = joined(Flight(), work, 3)
    go.set()

    for greenlet in greenlets:
        with pytest.raises(BackendFailed, match="broken"):
            greenlet.get(timeout=5)


def test_whoever_waits_goes_on_when_the_one_at_work_is_killed() -> None:
    go, runs = Event(), []

    def work() -> int:
        runs.append(1)
        go.wait()
        return 7

    first, second = joined(Flight(), work, 2)
    first.kill()
    gevent.idle()
    go.set()

    assert second.get(timeout=5) == 7
    assert len(runs) == 2
