"""Two attempts, one after the other: the second one asks about the vectors that the first one brought."""

from __future__ import annotations

from collections.abc import Callable

from backend.dialects.chat import Completed, Embeddings, Event, Failed
from backend.relay.attempt import Sink
from backend.relay.relay import Begin, Source
from backend.upstream.connection import Wait


class Chain:
    """A source like any other: its sink hears what the second attempt brings, or why the first one failed. Nobody may
    wait within the second one's `start`, for it begins on the event loop: its call `is_slow`."""

    def __init__(self, first: Begin, then: Callable[[Embeddings], Begin], sink: Sink) -> None:
        self._then, self._sink = then, sink
        self._found = Embeddings(())
        self._source: Source = first(self._take)
        self.pace_s = self._source.pace_s

    def start(self, wait: Wait) -> None:
        self._wait = wait
        self._source.start(wait)

    def pause(self) -> None:
        self._source.pause()

    def resume(self) -> None:
        self._source.resume()

    def leave(self) -> None:
        self._source.leave()

    def close(self) -> None:
        self._source.close()

    def _take(self, events: list[Event]) -> None:
        for event in events:
            match event:
                case Failed():
                    self._sink(events)
                case Embeddings():
                    self._found = event
                case Completed():
                    self._source = self._then(self._found)(self._sink)
                    self._source.start(self._wait)
