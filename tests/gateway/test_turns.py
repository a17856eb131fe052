"""One busy connection must not keep the event loop from everybody else."""

from __future__ import annotations

from collections.abc import Callable

import gevent
import gevent.socket

from backend.turns import take_turn


def turns_until_heard(turn: Callable[[], None]) -> int:
    """How often `turn` comes back before somebody is woken whose byte is there already."""
    heard: list[bytes] = []
    ours, theirs = gevent.socket.socketpair()
    with ours, theirs:
        waiting = gevent.spawn(lambda: heard.append(ours.recv(1)))
        gevent.sleep(0.001)  # now it waits
        theirs.send(b"x")
        turns = 0
        while not heard and turns < 10_000:
            turn()
            turns += 1
        waiting.join()
    return turns


def test_a_turn_is_not_over_before_everybody_with_bytes_had_theirs() -> None:
    assert turns_until_heard(take_turn) <= 2


def test_a_yield_that_never_looks_for_bytes_would_be_seen() -> None:
    assert turns_until_heard(lambda: gevent.sleep(0)) > 2
