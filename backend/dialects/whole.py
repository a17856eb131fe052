"""Reads an answer that is no stream: gathers it, bounded, and has it read when it is all there."""

from __future__ import annotations

from collections.abc import Callable

from backend.dialects.chat import Completed, Event, Failed
from backend.errors import BackendFailed, GatewayError

LARGEST_ANSWER = 256 * 1024 * 1024


class WholeDecoder:
    """A `StreamDecoder`, so that such answers take the way of all others: their client is watched, and leaving stops
    the work. `read` gives the events of a body, or raises GatewayError."""

    def __init__(self, read: Callable[[bytes], list[Event]]) -> None:
        self._read = read
        self._pieces: list[bytes] = []
        self._size = 0

    def begin(self, content_type: str) -> None:
        """Whatever the type says, the body decides."""

    def feed(self, data: bytes) -> list[Event]:
        self._size += len(data)
        if self._size > LARGEST_ANSWER:
            return [Failed(BackendFailed("The backend's answer is larger than the gateway keeps.", "answer_too_large"))]
        self._pieces.append(data)
        return []

    def end(self, is_framed: bool = True) -> list[Event]:
        try:
            return [*self._read(b"".join(self._pieces)), Completed()]
        except GatewayError as fault:
            return [Failed(fault)]
