"""Cuts a body into events: server-sent events (WHATWG HTML §9.2.6) and newline-delimited JSON.

Both readers take any number of bytes, cut anywhere, and look at each byte a bounded number of times: a line that
drips in is not searched again from its start. What they hold is bounded by `limit`.
"""

from __future__ import annotations

import re

LIMIT = 8 * 2**20
"""Bytes in one event: as much as Ollama's own client takes in a line."""

_LINE_END = re.compile(rb"[\r\n]")
_BOM = b"\xef\xbb\xbf"


class FramingError(Exception):
    """An event is longer than the limit. `events` are those that were whole before it."""

    def __init__(self, limit: int, events: list[bytes]) -> None:
        super().__init__(f"an event is longer than {limit} bytes")
        self.events = events


class SSEvent(bytes):
    """The data of an event that has a name of its own, such as `event: error`. All others are plain bytes."""

    name: str

    @classmethod
    def of(cls, name: str, data: bytes) -> SSEvent:
        event = cls(data)
        event.name = name
        return event


class SSEReader:
    """Server-sent events: the data of each, lines joined with a newline. Comments, ids and empty events are dropped."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._buffer = bytearray()  # a line that has no end yet
        self._searched = 0
        self._data: list[bytes] = []
        self._size = 0
        self._name = ""
        self._skip_newline = False  # the last byte was \r: a \n that follows belongs to it
        self._at_start = True
        self._is_between = True  # no event is begun

    def feed(self, data: bytes) -> list[bytes]:
        """The events that these bytes complete. Raises FramingError, after which the reader must not be fed."""
        size = len(data)
        if (
            self._is_between
            and data[:6] == b"data: "
            and data[-2:] == b"\n\n"
            and size <= self._limit
            and b"\r" not in data
        ):
            # What backends send, nearly always: whole events of one line.
            self._at_start = self._skip_newline = False
            if data.find(b"\n") == size - 2 > 6:
                return [data[6:-2]]
            events = data[:-2].split(b"\n\n")
            if all(event[:6] == b"data: " and b"\n" not in event for event in events):
                return [event[6:] for event in events if len(event) > 6]
        self._buffer += data
        self._is_between = False
        if self._at_start and not self._skip_bom():
            return []
        events = self._lines()
        self._is_between = not (self._buffer or self._data or self._name)
        return events

    def end(self) -> bytes | None:
        """The event that was begun and not ended by a blank line, or None. Nothing may be fed afterwards."""
        ended: list[bytes] = []
        if self._buffer:
            self._line(bytes(self._buffer), ended)
        self._line(b"", ended)
        return ended[0] if ended else None

    def _skip_bom(self) -> bool:
        if len(self._buffer) < len(_BOM) and _BOM.startswith(self._buffer):
            return False
        if self._buffer.startswith(_BOM):
            del self._buffer[: len(_BOM)]
        self._at_start = False
        return True

    def _lines(self) -> list[bytes]:
        events: list[bytes] = []
        buffer = self._buffer
        start = 0
        if self._skip_newline and buffer:
            self._skip_newline = False
            start = buffer[0] == 0x0A
        searched = max(self._searched, start)
        while found := _LINE_END.search(buffer, searched):
            end = found.start()
            self._line(bytes(buffer[start:end]), events)
            start = searched = end + 1
            if buffer[end] == 0x0D:
                if start == len(buffer):
                    self._skip_newline = True
                elif buffer[start] == 0x0A:
                    start = searched = start + 1
        del buffer[:start]
        self._searched = len(buffer)
        if len(buffer) + self._size > self._limit:
            raise FramingError(self._limit, events)
        return events

    def _line(self, line: bytes, events: list[bytes]) -> None:
        if not line:
            self._dispatch(events)
            return
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            self._data.append(value)
            self._size += len(value) + 1
            if self._size > self._limit:
                raise FramingError(self._limit, events)
        elif field == b"event":
            self._name = value[:64].decode("utf-8", "replace")

    def _dispatch(self, events: list[bytes]) -> None:
        data = b"\n".join(self._data)
        if data:
            events.append(SSEvent.of(self._name, data) if self._name not in ("", "message") else data)
        self._data.clear()
        self._size = 0
        self._name = ""


class LineReader:
    """NDJSON: lines without their ends; blank ones are dropped."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._buffer = bytearray()  # a line that has no end yet

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that these bytes complete. Raises FramingError, after which the reader must not be fed."""
        buffer = self._buffer
        if not buffer and data.find(b"\n") == len(data) - 1 and len(data) <= self._limit:
            line = data.strip()
            return [line] if line else []
        lines: list[bytes] = []
        start = 0
        while (end := data.find(b"\n", start)) >= 0:
            buffer += data[start:end]
            self._check(lines)
            line = bytes(buffer).strip()
            buffer.clear()
            if line:
                lines.append(line)
            start = end + 1
        buffer += data[start:]
        self._check(lines)
        return lines

    def end(self) -> bytes | None:
        """The line that was begun and not ended, or None. Nothing may be fed afterwards."""
        return bytes(self._buffer).strip() or None

    def _check(self, lines: list[bytes]) -> None:
        if len(self._buffer) > self._limit:
            raise FramingError(self._limit, lines)
