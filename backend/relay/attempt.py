"""One try on one backend: a `Call` on one connection, from the first byte sent to an end that is true.

It tells its sink canonical events; the last of them is always `Completed` or `Failed`, or there is none because
somebody closed it. It knows no client: who waits for the events, and what becomes of them, is the relay's business.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from enum import Enum
from time import monotonic
from typing import Any, NamedTuple

import gevent
from gevent import socket
from gevent.hub import get_hub
from httptools import HttpParserError

from backend.backends.backend import Call
from backend.dialects.chat import Completed, Event, Failed
from backend.dialects.redaction import without_quotes
from backend.errors import BackendFailed, BackendTimeout, GatewayError, Truncated, where
from backend.relay.deadlines import Deadlines
from backend.upstream.connection import Connection, Wait
from backend.upstream.endpoint import Endpoint
from backend.upstream.failure import failure_of
from backend.upstream.idle import IdleConnections
from backend.upstream.reply import Reply
from backend.upstream.request import request_bytes

log = logging.getLogger("passerelle")
ERROR_LIMIT = 256 * 1024
Sink = Callable[[list[Event]], None]


class Phase(Enum):
    """How far an attempt is. What each phase allows stands in `RULES`."""

    NEW = "new"
    REACHING = "reaching"
    """Looking for an address, connecting, sending: nothing can have been answered."""
    WAITING = "waiting"
    """The request is with the backend, which has not said anything yet."""
    ANSWERING = "answering"
    LINGERING = "lingering"
    """Nobody waits any more, but leaving now would abort a model that is loading: its first word ends this."""
    OVER = "over"


class Rule(NamedTuple):
    """What a phase allows. `then`: the phases that may follow. `may_load`: leaving may abort a load. `is_listening`:
    the backend may say something, and its silence counts."""

    then: frozenset[Phase]
    may_load: bool = False
    is_listening: bool = False


RULES = {
    Phase.NEW: Rule(frozenset((Phase.REACHING, Phase.OVER))),
    Phase.REACHING: Rule(frozenset((Phase.WAITING, Phase.OVER))),
    Phase.WAITING: Rule(frozenset((Phase.ANSWERING, Phase.LINGERING, Phase.OVER)), may_load=True, is_listening=True),
    Phase.ANSWERING: Rule(frozenset((Phase.OVER,)), is_listening=True),
    Phase.LINGERING: Rule(frozenset((Phase.OVER,)), is_listening=True),
    Phase.OVER: Rule(frozenset()),
}


class Attempt:
    """See the module."""

    def __init__(self, call: Call, idle: IdleConnections, deadlines: Deadlines, sink: Sink) -> None:
        self.pace_s = call.pace_s
        self._call, self._idle, self._deadlines, self._sink = call, idle, deadlines, sink
        self._phase = Phase.NEW
        self._title = "The backend"
        self._connection: Connection | None = None
        self._reaching: Any = None
        self._reply = Reply()
        self._error_body = b""
        self._clock: Any = None
        self._heard = 0.0
        self._is_paused = False

    def __repr__(self) -> str:
        return f"<Attempt {self._call.path} {self._phase.value}>"

    def start(self, wait: Wait) -> None:
        """Connect and send. What fails is told to the sink, like all else; where reaching the backend may take its
        time, this returns before it is reached. `wait` may raise to interrupt."""
        self._enter(Phase.REACHING)
        if self._call.is_slow:
            self._reaching = gevent.spawn(self._ask, _patiently)
        else:
            self._ask(wait)

    def pause(self) -> None:
        """Take nothing more from the backend for now; its silence is not counted."""
        self._is_paused = True
        if self._connection is not None:
            self._connection.pause()

    def resume(self) -> None:
        self._is_paused = False
        self._heard = monotonic()
        if self._connection is not None and RULES[self._phase].is_listening:
            self._connection.resume()

    def leave(self) -> None:
        """Nobody waits any more. The backend is let go of at once, unless that would abort a model that is loading."""
        if self._phase is Phase.LINGERING:
            return
        guard = self._call.guard
        if RULES[self._phase].may_load and guard is not None and guard.may_be_loading():
            self._enter(Phase.LINGERING)
        else:
            self.close()

    def close(self) -> None:
        """Let go of the backend at once: this is what stops the model. The sink hears nothing more."""
        if self._phase is not Phase.OVER:
            self._finish()
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    # -- reaching the backend: in the serving greenlet, or in one of its own

    def _ask(self, wait: Wait) -> None:
        try:
            self._send(self._call.reach(), wait)
        except GatewayError as fault:
            self._reaching = None
            self._fail(fault)
        except Exception as fault:
            if self._reaching is None:
                raise
            self._reaching = None
            self._fail(_bug(fault))

    def _send(self, endpoint: Endpoint, wait: Wait) -> None:
        self._title = endpoint.title
        connection = self._connection = self._idle.take(endpoint)
        try:
            if not connection.is_reused:
                connection.connect(wait, self._deadlines.connect_s)
            connection.send(request_bytes(endpoint, self._call.path, self._call.body), wait, self._deadlines.idle_s)
        except OSError as fault:  # TimeoutError is one too
            raise failure_of(fault, endpoint) from fault
        self._reaching = None
        self._heard = monotonic()
        self._enter(Phase.WAITING)
        connection.listen(self._received)
        self._set_clock()

    # -- the event loop's side

    def _received(self, data: bytes) -> None:
        self._heard = monotonic()
        try:
            events = self._decoded(data)
        except HttpParserError as fault:
            has_begun = self._reply.status == 200 or self._connection is None
            self._fail(self._cut() if has_begun else failure_of(fault, self._connection.endpoint))  # type: ignore[union-attr]
            return
        except GatewayError as fault:
            self._fail(fault)
            return
        except Exception as fault:  # an edge: a bug of ours must not look like an end
            self._fail(_bug(fault))
            return
        if events:
            self._hand_on(events)

    def _decoded(self, data: bytes) -> list[Event]:
        if not data:
            return self._connection_ended()
        reply = self._reply
        has_begun = reply.status == 200
        body = reply.feed(data)
        if reply.status == 200:
            decoder = self._call.decoder
            if not has_begun:
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
            return self._call.decoder.end(is_framed=False)
        raise self._cut()

    def _hand_on(self, events: list[Event]) -> None:
        last = events[-1]
        if type(last) is Failed:
            if len(events) > 1:
                self._hand_on(events[:-1])
            self._fail(last.error)
            return
        if self._phase is not Phase.ANSWERING and self._has_been_left():
            return
        if type(last) is Completed:
            self._complete(last)
        self._sink(events)

    def _complete(self, end: Completed) -> None:
        self._finish()
        connection, self._connection = self._connection, None
        if connection is None:
            return
        if end.is_cut:
            connection.close()
        else:
            self._idle.settle(connection, self._reply)

    def _has_been_left(self) -> bool:
        """At the first word, which proves that the model is loaded."""
        if self._call.guard is not None:
            self._call.guard.answered()
        if self._phase is Phase.LINGERING:
            self.close()
            return True
        self._enter(Phase.ANSWERING)
        return False

    def _fail(self, error: GatewayError) -> None:
        if self._phase is Phase.OVER:
            return
        is_awaited = self._phase is not Phase.LINGERING
        key = self._connection.endpoint.authorization.removeprefix("Bearer ") if self._connection else ""
        self.close()
        if is_awaited:
            self._sink([Failed(without_quotes(error, self._call.body, key, self._call.model))])

    # -- phases and the clock

    def _enter(self, phase: Phase) -> None:
        if phase not in RULES[self._phase].then:
            raise RuntimeError(f"An attempt cannot go from {self._phase.value} to {phase.value}.")
        self._phase = phase

    def _finish(self) -> None:
        self._enter(Phase.OVER)
        if self._reaching is not None:
            self._reaching.kill(block=False)
            self._reaching = None
        if self._clock is not None:
            self._clock.close()
            self._clock = None

    def _set_clock(self) -> None:
        """One timer, set anew only when it fires: a token costs no timer."""
        if self._clock is not None:
            self._clock.close()
        self._clock = get_hub().loop.timer(max(0.01, self._heard + self._deadlines.idle_s - monotonic()))
        self._clock.start(self._tick)

    def _tick(self) -> None:
        if self._is_paused:  # we are not reading: the silence is not the backend's
            self._heard = monotonic()
        elif monotonic() - self._heard >= self._deadlines.idle_s:
            self._fail(BackendTimeout(f"{self._title} was silent for {self._deadlines.idle_s:g} s."))
            return
        self._set_clock()

    # -- words

    def _refusal(self) -> GatewayError:
        if 300 <= self._reply.status < 400:
            return BackendFailed(f"{self._title} wants to redirect; that is never followed.")
        return self._call.refusal(self._reply.status, self._error_body)

    def _cut(self) -> GatewayError:
        return Truncated(f"{self._title} broke off in the middle of its answer, which is incomplete.")


def _patiently(fd: int, direction: int, timeout_s: float) -> bool:
    """Waits for a descriptor in a greenlet of its own, which is killed where nobody waits any more."""
    watcher = get_hub().loop.io(fd, direction)
    try:
        socket.wait(watcher, timeout=timeout_s, timeout_exc=TimeoutError())
    except TimeoutError:
        return False
    finally:
        watcher.close()
    return True


def _bug(fault: Exception) -> GatewayError:
    log.error("An attempt failed: %s", where(fault))
    return GatewayError(f"The gateway failed ({type(fault).__name__}). This is a bug in it.")
