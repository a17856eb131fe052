"""Taking turns: what keeps one busy connection from starving all others in a process of cooperative threads."""

from __future__ import annotations

from socket import socketpair

from gevent.socket import wait_write

_always_writable, _its_other_end = (end.detach() for end in socketpair())  # for as long as the process lives


def take_turn() -> None:
    """Let everybody go first whose bytes have come, or whose time has.

    `gevent.sleep(0)` does not: it comes back some 500 times before the event loop looks for any (gevent 26.9;
    tests/gateway/test_turns.py counts). Waiting for a socket that is always ready makes it look at once.
    """
    wait_write(_always_writable)
