"""Ends an answer at the caller's stop texts, and tells which of them it was.

Servers end at them by themselves, but hardly one says so: to a client that wants to know, their end looks like the
model's own. So where it matters they are not told the stop texts, and the answer is cut here.
"""

from __future__ import annotations

from collections.abc import Sequence

from backend.dialects.chat import Completed, Event, Finished, StreamDecoder, TextDelta


class NamedStops:
    """A decoder around a backend's own. Text is held back only while it may still become a stop text. Only the first
    choice is read: who asks for several cannot ask which text ended them."""

    def __init__(self, decoder: StreamDecoder, stops: Sequence[str]) -> None:
        self._decoder, self._stops = decoder, stops
        self._held = ""
        self._is_over = False

    def begin(self, content_type: str) -> None:
        self._decoder.begin(content_type)

    def feed(self, data: bytes) -> list[Event]:
        return [] if self._is_over else self._watched(self._decoder.feed(data))

    def end(self, is_framed: bool = True) -> list[Event]:
        return [] if self._is_over else self._watched(self._decoder.end(is_framed))

    def _watched(self, events: list[Event]) -> list[Event]:
        out: list[Event] = []
        for event in events:
            if type(event) is not TextDelta:
                self._release(len(self._held), out)  # whatever comes between, the text does not go on
                out.append(event)
                continue
            self._held += event.text
            if stop := self._first():
                self._cut(stop, out)
                return out
            self._release(len(self._held) - self._overlap(), out)
        return out

    def _first(self) -> str | None:
        """The stop text that is complete first; of two that end together the longer."""
        found = [stop for stop in self._stops if stop in self._held]
        return min(found, key=lambda stop: (self._held.index(stop) + len(stop), -len(stop)), default=None)

    def _cut(self, stop: str, out: list[Event]) -> None:
        """The backend does not know that it is done: `is_cut` has it let go of."""
        self._is_over = True
        self._release(self._held.index(stop), out)
        out += [Finished("stop", stop_text=stop), Completed(is_cut=True)]

    def _overlap(self) -> int:
        """How many characters at the end may be the beginning of a stop text."""
        most = min(len(self._held), max(map(len, self._stops)) - 1)
        ends = (self._held[-size:] for size in range(most, 0, -1))
        return next((len(end) for end in ends if any(stop.startswith(end) for stop in self._stops)), 0)

    def _release(self, size: int, out: list[Event]) -> None:
        if size:
            out.append(TextDelta(self._held[:size]))
            self._held = self._held[size:]
