"""One piece of work at a time: whoever asks while it is under way gets its outcome, not a second piece."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from gevent.event import Event

from backend.errors import GatewayError

T = TypeVar("T")


class Flight(Generic[T]):
    """Shares a result, or the GatewayError that came instead of one."""

    def __init__(self) -> None:
        self._under_way: _Work[T] | None = None

    @property
    def is_under_way(self) -> bool:
        return self._under_way is not None

    def join(self, work: Callable[[], T]) -> T:
        while (other := self._under_way) is not None:
            other.is_over.wait()
            if other.fault is not None:
                raise other.fault.anew()
            if other.results:
                return other.results[0]
            # Whoever did it was killed; somebody else must.
        mine = self._under_way = _Work()
        try:
            result = work()
            mine.results.append(result)
            return result
        except GatewayError as fault:
            mine.fault = fault
            raise
        finally:
            self._under_way = None
            mine.is_over.set()


class _Work(Generic[T]):
    def __init__(self) -> None:
        self.is_over = Event()
        self.results: list[T] = []
        self.fault: GatewayError | None = None
