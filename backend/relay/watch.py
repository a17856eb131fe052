"""Watches a client while something is done for it, so that whatever is waited for ends when the client leaves."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Any, TypeVar

import gevent
from gevent.event import Event as Bell
from gevent.hub import get_hub

from backend.relay.client import Client
from backend.relay.deadlines import ClientGone

T = TypeVar("T")


class Watch:
    """Held by the serving greenlet from the moment that a request is accepted. `on_gone` is called on the event loop,
    at once; whoever waits in `until` or `run` then gets ClientGone."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self._bell = Bell()
        self._is_gone = False
        self.on_gone: Callable[[], None] | None = None
        self.begin()

    def begin(self) -> None:
        """From here on the client's socket is ours."""
        self.client.attach(self.left)

    def end(self) -> None:
        """Give the socket back to the server."""
        self.client.detach()

    def left(self) -> None:
        """The client is gone, or must be taken for gone."""
        self._is_gone = True
        if self.on_gone is not None:
            self.on_gone()
        self._bell.set()

    def ring(self) -> None:
        """Something has changed: whoever waits looks again."""
        self._bell.set()

    def until(self, is_met: Callable[[], bool], timeout_s: float | None = None) -> bool:
        """Whether it was met in time. Raises ClientGone as soon as the client left."""
        deadline = None if timeout_s is None else monotonic() + timeout_s
        while True:
            if self._is_gone:
                raise ClientGone
            if is_met():
                return True
            left = None if deadline is None else deadline - monotonic()
            if left is not None and left <= 0:
                return False
            self._bell.clear()
            self._bell.wait(left)

    def ready(self, fd: int, direction: int, timeout_s: float) -> bool:
        """Whether a descriptor is ready in time."""
        fired: list[bool] = []

        def fire() -> None:
            fired.append(True)
            watcher.stop()
            self._bell.set()

        watcher = get_hub().loop.io(fd, direction)
        watcher.start(fire)
        try:
            return self.until(lambda: bool(fired), timeout_s)
        finally:
            watcher.stop()
            watcher.close()

    def run(self, work: Callable[[], T]) -> T:
        """What blocking work comes to. It is killed when the client leaves; what it raises is raised here."""
        worker: Any = gevent.spawn(_outcome, work)
        worker.link(lambda _: self._bell.set())
        try:
            self.until(worker.ready)
        finally:
            worker.kill(block=False)
        result, fault = worker.get()
        if fault is not None:
            raise fault
        outcome: T = result
        return outcome


def _outcome(work: Callable[[], T]) -> tuple[T | None, Exception | None]:
    """A greenlet that fails would print its traceback, which quotes."""
    try:
        return work(), None
    except Exception as fault:
        return None, fault
