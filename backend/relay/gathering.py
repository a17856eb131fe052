"""A whole answer for a client that asked for no stream, bounded."""

from __future__ import annotations

from backend.dialects.chat import Answer, Completed, Event, ReasoningDelta, TextDelta, ToolCallDelta
from backend.errors import BackendFailed
from backend.relay.meter import Meter

ANSWER_LIMIT = 64 * 1024 * 1024


class Gathering:
    """Gathers the events of one answer. Sizes are in characters, which cost four bytes at most."""

    def __init__(self, meter: Meter) -> None:
        self.answer = Answer()
        self._meter = meter
        self._size = 0

    def add(self, events: list[Event]) -> None:
        """Raises BackendFailed where the answer is larger than is kept."""
        for event in events:
            if type(event) is Completed and (guess := self._meter.missing_usage()) is not None:
                self._meter.note(guess)
                self.answer.add(guess)
            self._meter.note(event)
            self.answer.add(event)
            match event:
                case TextDelta() | ReasoningDelta():
                    self._size += len(event.text)
                case ToolCallDelta():
                    self._size += len(event.arguments)
        if self._size > ANSWER_LIMIT:
            raise BackendFailed("The answer is larger than the gateway keeps; ask for a stream.", "answer_too_large")
