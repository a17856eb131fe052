"""The pump between one backend and one client: abort, deadlines, back-pressure, and endings that are true.

The serving greenlet opens the exchange and then only sleeps; the event loop moves the bytes. The relay
knows the canonical events, but no dialect: a decoder gives them, an encoder takes them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from time import monotonic
from typing import Any

from gevent.event import Event as Bell
from gevent.hub import get_hub
from httptools import HttpParserError

from backend.backends.backend import Backend, Call, Endpoint
from backend.dialects.chat import (
    Answer,
    Completed,
    Event,
    Failed,
    Figures,
    ReasoningDelta,
    Started,
    StreamEncoder,
    TextDelta,
    ToolCallDelta,
    Usage,
)
from backend.dialects.redaction import without_quotes
from backend.errors import BackendFailed, BackendTimeout, GatewayError, Truncated, where
from backend.relay.client import Client
from backend.relay.meter import DELTAS, Meter
from backend.relay.outlet import Outlet
from backend.upstream.connection import Connection
from backend.upstream.failure import failure_of
from backend.upstream.idle import Pool
from backend.upstream.reply import Reply
from backend.upstream.request import request_bytes

log = logging.getLogger("passerelle")
ANSWER_LIMIT = 64 * 1024 * 1024
ERROR_LIMIT = 256 * 1024


class ClientGone(Exception):
    """The client left; there is nobody to answer."""


@dataclass(frozen=True, slots=True)
class Deadlines:
    connect_s: float
    idle_s: float
    heartbeat_s: float


class Phase(Enum):
    ASKING = 1
    """Connecting and sending: nothing can have been answered."""
    HOLDING = 2
    """Events are kept until somebody says what becomes of them."""
    GATHERING = 3
    STREAMING = 4
    LEFT = 5
    """The client is gone, but leaving now would abort a model that is loading: wait for its first event."""
    ENDED = 6


class Relay:
    """One request of one client to one backend."""

    def __init__(
        self, backend: Backend, model: str, call: Call, client: Client, pool: Pool, deadlines: Deadlines, meter: Meter
    ) -> None:
        self._backend, self._model, self._call = backend, model, call
        self._client, self._pool, self._deadlines, self._meter = client, pool, deadlines, meter
        self._phase = Phase.ASKING
        self._bell = Bell()
        self._endpoint: Endpoint | None = None
        self._connection: Connection | None = None
        self._reply = Reply()
        self._error_body = b""
        self._has_begun = False
        self._is_gone = False
        self._failure: GatewayError | None = None
        self._held: list[Event] = []
        self._deltas = 0
        self._has_usage = False
        self._answer = Answer()
        self._answer_size = 0
        self._outlet: Outlet | None = None
        self._clock: Any = None
        self._heard = monotonic()

    # -- the serving greenlet's side ------------------------------------------------------------

    def open(self, patience_s: float | None) -> None:
        """Connect, send, and wait for the first event that tells something, at most `patience_s`.

        Raises what the backend's failure means, or ClientGone.
        """
        self._client.attach(self._client_left)
        try:
            self._endpoint = self._backend.endpoint()
            self._ask(self._pool.take(self._endpoint))
            self._wait_for(self._has_news, patience_s)
            if self._failure is not None:
                raise self._failure
        except BaseException as fault:
            self._give_up(fault)
            raise

    def gather(self) -> Answer:
        """The whole answer, for a client that wants no stream. Raises like `open`."""
        try:
            self._go_on(Phase.GATHERING)
            self._wait_for(lambda: self._phase is Phase.ENDED, None)
            if self._failure is not None:
                raise self._failure
        except BaseException as fault:
            self._give_up(fault)
            raise
        self._client.detach()
        self._meter.end("ok", 200)
        return self._answer

    def stream(self, encoder: StreamEncoder, send_head: Callable[[bytes], object]) -> None:
        """Relay to the end. Returns when the client has it all, or is gone."""
        outlet = Outlet(self._client, encoder, self._meter, self._call.pace_s, self._room, self._client_left)
        try:
            self._client.detach()
            send_head(b"")
            self._client.attach(self._client_left)
            self._outlet = outlet
            if not self._has_news():
                outlet.beat()  # opened because the first word takes long: show at once that the line is alive
            self._go_on(Phase.STREAMING)
            self._wait_for(lambda: self._phase is Phase.ENDED, None)
            self._hand_over(outlet)
        except BaseException as fault:
            self._give_up(ClientGone() if isinstance(fault, OSError) else fault)
            self._client.hang_up()  # whatever the server still writes must not look like an end
            if not isinstance(fault, (ClientGone, OSError)):
                raise
        else:
            self._client.detach()
            self._meter.end("error" if self._failure else "ok", 200, self._failure.code if self._failure else None)
        finally:
            outlet.close()

    def _hand_over(self, outlet: Outlet) -> None:
        """The backend is done; the client takes what is left for it, or is given up."""
        while outlet.is_busy:
            moved_at = outlet.moved_at
            self._wait_for(lambda: not outlet.is_busy, self._deadlines.idle_s)
            if outlet.is_busy and outlet.moved_at == moved_at:
                raise ClientGone

    def abandon(self) -> None:
        """What was opened is never going to be relayed."""
        if self._phase is not Phase.ENDED:
            self._give_up(ClientGone())

    def _ask(self, connection: Connection) -> None:
        self._connection = connection
        try:
            if not connection.is_reused:
                connection.connect(self._ready, self._deadlines.connect_s)
            request = request_bytes(connection.endpoint, self._call.path, self._call.body)
            connection.send(request, self._ready, self._deadlines.idle_s)
        except OSError as fault:  # TimeoutError is one too
            raise failure_of(fault, connection.endpoint) from fault
        self._heard = monotonic()
        self._phase = Phase.HOLDING
        connection.listen(self._received)
        self._set_clock()

    def _ready(self, fd: int, direction: int, timeout_s: float) -> bool:
        """Wait for a descriptor; a client that leaves interrupts."""
        is_ready = False

        def fire() -> None:
            nonlocal is_ready
            is_ready = True
            watcher.stop()
            self._bell.set()

        watcher = get_hub().loop.io(fd, direction)
        watcher.start(fire)
        try:
            self._wait_for(lambda: is_ready, timeout_s)
        finally:
            watcher.stop()
            watcher.close()
        return is_ready

    def _wait_for(self, is_met: Callable[[], bool], timeout_s: float | None) -> None:
        """Return when it is met or the time is over; raise ClientGone as soon as the client left."""
        deadline = None if timeout_s is None else monotonic() + timeout_s
        while True:
            if self._is_gone:
                raise ClientGone
            left = None if deadline is None else deadline - monotonic()
            if is_met() or (left is not None and left <= 0):
                return
            self._bell.clear()
            self._bell.wait(left)

    def _has_news(self) -> bool:
        return self._phase is Phase.ENDED or any(type(event) is not Started for event in self._held)

    def _go_on(self, phase: Phase) -> None:
        held, self._held = self._held, []
        is_over = self._phase is Phase.ENDED
        self._phase, self._deltas, self._has_usage = phase, 0, False
        if is_over and self._failure is not None:
            held.append(Failed(self._failure))
        elif self._connection is not None:
            self._connection.resume()
            self._set_clock()
        self._take(held)

    def _give_up(self, fault: BaseException) -> None:
        """The greenlet leaves before the end: close the upstream, unless that would abort a loading model."""
        self._client.detach()
        if isinstance(fault, ClientGone):
            self._meter.end("aborted", 499)
            if self._phase is Phase.HOLDING and not self._held and self._may_be_loading():
                self._phase = Phase.LEFT
                return
        elif isinstance(fault, GatewayError):
            self._meter.end("error", fault.status, fault.code)
        else:
            self._meter.end("error", 500, "internal_error")
        self._close()

    def _may_be_loading(self) -> bool:
        return self._call.may_reload or not self._backend.is_warm(self._model)

    # -- the event loop's side ------------------------------------------------------------------

    def _client_left(self) -> None:
        self._is_gone = True
        if self._phase in (Phase.GATHERING, Phase.STREAMING):
            self._close()  # now, not when the greenlet gets its turn
        self._bell.set()

    def _received(self, data: bytes) -> None:
        self._heard = monotonic()
        try:
            self._take(self._decode(data))
        except HttpParserError as fault:
            self._fail(self._cut() if self._endpoint is None or self._has_begun else failure_of(fault, self._endpoint))
        except GatewayError as fault:
            self._fail(fault)
        except Exception as fault:  # the outermost edge of a stream: a bug of ours must not look like an end
            log.error("The relay failed: %s", where(fault))
            self._fail(GatewayError(f"The gateway failed ({type(fault).__name__}). This is a bug in it."))

    def _decode(self, data: bytes) -> list[Event]:
        if not data:
            return self._connection_ended()
        reply = self._reply
        body = reply.feed(data)
        if reply.status == 200:
            decoder = self._call.decoder
            if not self._has_begun:
                self._has_begun = True
                decoder.begin(reply.content_type)
            events = decoder.feed(body) if body else []
            if reply.is_complete:
                events += decoder.end()
            return events
        if reply.status:
            self._error_body += body[: ERROR_LIMIT - len(self._error_body)]
            if reply.is_complete or len(self._error_body) >= ERROR_LIMIT:
                raise self._refusal()
        return []

    def _connection_ended(self) -> list[Event]:
        reply = self._reply
        if not reply.status:  # never asked again: it may have begun to work on the first request
            raise BackendFailed(f"{self._title} closed the connection without an answer.")
        if reply.status != 200:
            raise self._refusal()
        if reply.ends_with_connection:
            return self._call.decoder.end()
        raise self._cut()

    def _take(self, events: list[Event]) -> None:
        """What came up from the backend goes where the phase says."""
        for position, event in enumerate(events):
            kind = type(event)
            if kind in DELTAS:
                self._deltas += 1
            elif kind is Usage:
                self._has_usage = True
            elif kind is Completed:
                self._complete(events[:position])
                return
            elif kind is Failed:
                self._hand_on(events[:position])
                self._fail(event.error)  # type: ignore[union-attr]
                return
        self._hand_on(events)

    def _hand_on(self, events: list[Event]) -> None:
        if not events:
            return
        match self._phase:
            case Phase.STREAMING if self._outlet is not None:
                self._outlet.put(events)
                if self._outlet.is_busy and self._connection is not None:
                    self._connection.pause()
            case Phase.GATHERING:
                for event in events:
                    self._gather(event)
            case Phase.HOLDING:
                if not self._held:
                    self._backend.answered(self._model)
                self._held += events
                if self._has_news():
                    if self._connection is not None:
                        self._connection.pause()
                    self._bell.set()
            case Phase.LEFT:
                self._backend.answered(self._model)
                self._close()

    def _gather(self, event: Event) -> None:
        self._meter.note(event)
        self._answer.add(event)
        match event:
            case TextDelta() | ReasoningDelta():
                self._answer_size += len(event.text)
            case ToolCallDelta():
                self._answer_size += len(event.arguments)
        if self._answer_size > ANSWER_LIMIT:
            raise BackendFailed("The answer is larger than the gateway keeps; ask for a stream.", "answer_too_large")

    def _complete(self, events: list[Event]) -> None:
        if self._phase is Phase.HOLDING:  # the whole answer came before anybody wanted it
            self._hand_on([*events, Completed()])
            return
        if not self._has_usage:
            guess = Figures(self._backend.name, estimated=True)
            events = [*events, Usage(output_tokens=self._deltas, figures=guess)]
        self._hand_on([*events, Completed()])
        if self._phase is not Phase.ENDED:
            self._end(is_whole=True)

    def _fail(self, error: GatewayError) -> None:
        if self._phase is Phase.ENDED:
            return
        key = self._connection.endpoint.authorization.removeprefix("Bearer ") if self._connection else ""
        self._failure = without_quotes(error, self._call.body, key, self._model)
        if self._phase is Phase.STREAMING and self._outlet is not None:
            self._outlet.put([Failed(self._failure)])
        self._end(is_whole=False)

    def _end(self, is_whole: bool) -> None:
        connection, self._connection = self._connection, None
        self._close()
        if connection is not None:
            if is_whole:
                self._pool.settle(connection, self._reply)
            else:
                connection.close()
        self._bell.set()

    def _close(self) -> None:
        """Let go of the upstream at once: this is what stops the model."""
        self._phase = Phase.ENDED
        if self._clock is not None:
            self._clock.close()
            self._clock = None
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _room(self) -> None:
        """The client took what we had."""
        if self._phase is Phase.ENDED:
            self._bell.set()
        elif self._connection is not None:
            self._heard = monotonic()
            self._connection.resume()

    # -- deadlines ------------------------------------------------------------------------------

    def _set_clock(self) -> None:
        """One timer, set anew only when it fires: a token costs no timer."""
        now = monotonic()
        due = self._heard + self._deadlines.idle_s
        if self._outlet is not None:
            due = min(due, self._outlet.moved_at + self._deadlines.heartbeat_s)
        if self._clock is not None:
            self._clock.close()
        self._clock = get_hub().loop.timer(max(0.01, due - now))
        self._clock.start(self._tick)

    def _tick(self) -> None:
        now = monotonic()
        outlet = self._outlet
        if outlet is not None and outlet.is_stuck:
            if now - outlet.moved_at >= self._deadlines.idle_s:
                self._client_left()
                return
            self._heard = now  # we are not reading: the silence is not the backend's
        elif self._phase is Phase.HOLDING and self._held:
            self._heard = now
        elif now - self._heard >= self._deadlines.idle_s:
            self._fail(BackendTimeout(f"{self._title} was silent for {self._deadlines.idle_s:g} s."))
            return
        elif outlet is not None and now - outlet.moved_at >= self._deadlines.heartbeat_s:
            outlet.beat()
        self._set_clock()

    # -- words ----------------------------------------------------------------------------------

    @property
    def _title(self) -> str:
        return self._endpoint.title if self._endpoint else "The backend"

    def _refusal(self) -> GatewayError:
        if 300 <= self._reply.status < 400:
            return BackendFailed(f"{self._title} wants to redirect; that is never followed.")
        return self._backend.error(self._reply.status, self._error_body)

    def _cut(self) -> GatewayError:
        return Truncated(f"{self._title} broke off in the middle of its answer, which is incomplete.")
