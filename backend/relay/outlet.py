"""What goes to a streaming client: encoded, paced, never faster than the client takes it."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable
from time import monotonic
from typing import Any

from gevent.hub import get_hub

from backend.dialects.chat import Completed, Event, StreamEncoder
from backend.errors import where
from backend.relay.client import Client
from backend.relay.deadlines import Deadlines
from backend.relay.meter import DELTAS, Meter

log = logging.getLogger("passerelle")


class Outlet:
    """Sends events to one client. While `is_busy`, the relay reads nothing more from the backend, so that
    memory stays constant; `on_room` says when to go on, `on_lost` that the client is gone, or takes nothing."""

    def __init__(
        self,
        client: Client,
        encoder: StreamEncoder,
        meter: Meter,
        pace_s: float | None,
        on_room: Callable[[], None],
        on_lost: Callable[[], None],
    ) -> None:
        self._client, self._encoder, self._meter, self._pace_s = client, encoder, meter, pace_s
        self._on_room, self._on_lost = on_room, on_lost
        self._unsent = b""
        self._paced: deque[Event] = deque()
        self._timer: Any = None
        self._clock: Any = None
        self._deadlines: Deadlines | None = None
        self._moved_at = monotonic()

    @property
    def is_busy(self) -> bool:
        return bool(self._unsent or self._paced or self._timer)

    def watch(self, deadlines: Deadlines) -> None:
        """From here on a silent line shows signs of life, and a client that takes nothing is given up."""
        self._deadlines = deadlines
        self._set_clock(deadlines)

    def put(self, events: Iterable[Event]) -> None:
        if self._pace_s is None:
            self._send(self._encode(events))
            return
        self._paced.extend(events)
        if self._timer is None:
            self._next()

    def beat(self) -> None:
        """A sign of life, in dialects that have one."""
        self._moved_at = monotonic()
        if not self._unsent:
            self._send(self._encoder.keep_alive)

    def close(self) -> None:
        for timer in (self._timer, self._clock):
            if timer is not None:
                timer.close()
        self._timer = self._clock = self._deadlines = None
        self._paced.clear()
        self._unsent = b""

    def _encode(self, events: Iterable[Event]) -> bytes:
        note, encode = self._meter.note, self._encoder.encode
        pieces = []
        try:
            for event in events:
                if type(event) is Completed and (guess := self._meter.missing_usage()) is not None:
                    note(guess)
                    pieces.append(encode(guess))
                note(event)
                pieces.append(encode(event))
        except Exception as fault:  # an edge: a bug of ours must cut the line, not leave the client waiting
            log.error("An answer could not be written: %s", where(fault))
            self._on_lost()
            return b""
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _next(self) -> None:
        """Send up to the next token, then wait for the pace."""
        self._timer = None
        batch = []
        while self._paced:
            batch.append(self._paced.popleft())
            if type(batch[-1]) in DELTAS:
                self._timer = get_hub().loop.timer(self._pace_s)
                self._timer.start(self._next)
                break
        self._send(self._encode(batch))
        if not self.is_busy:
            self._on_room()

    def _send(self, data: bytes) -> None:
        if not data:
            return
        framed = self._client.frame(data)
        if self._unsent:
            self._unsent += framed
            return
        try:
            sent = self._client.send(framed)
        except OSError:
            self._on_lost()
            return
        self._moved_at = monotonic()
        if sent < len(framed):
            self._unsent = framed[sent:]
            self._client.when_writable(self._drain)

    def _drain(self) -> None:
        try:
            sent = self._client.send(self._unsent)
        except OSError:
            self._on_lost()
            return
        self._unsent = self._unsent[sent:]
        self._moved_at = monotonic()
        if not self._unsent:
            self._client.no_longer()
            if not self.is_busy:
                self._on_room()

    # -- the clock

    def _set_clock(self, deadlines: Deadlines) -> None:
        """One timer, set anew only when it fires: a token costs no timer."""
        patience_s = deadlines.idle_s if self._unsent else deadlines.heartbeat_s
        if self._clock is not None:
            self._clock.close()
        self._clock = get_hub().loop.timer(max(0.01, self._moved_at + patience_s - monotonic()))
        self._clock.start(self._tick)

    def _tick(self) -> None:
        deadlines = self._deadlines
        if deadlines is None:
            return
        still_s = monotonic() - self._moved_at
        if self._unsent:
            if still_s >= deadlines.idle_s:
                self._on_lost()
                return
        elif still_s >= deadlines.heartbeat_s:
            self.beat()
        self._set_clock(deadlines)
