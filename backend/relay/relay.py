"""The client's half of an exchange: the first word, abort, back-pressure, and an ending that is true.

The serving greenlet opens the exchange and then only sleeps; the event loop moves the bytes. The relay knows the
canonical events, but no dialect and no backend: sources give events, an encoder takes them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from time import monotonic
from typing import Protocol

from backend.dialects.chat import Answer, Completed, Event, Failed, PromptRead, Started, StreamEncoder
from backend.dialects.progress import Progress
from backend.errors import GatewayError, where
from backend.relay.deadlines import ClientGone, Deadlines
from backend.relay.gathering import Gathering
from backend.relay.meter import Meter
from backend.relay.outlet import Outlet
from backend.relay.watch import Watch
from backend.upstream.connection import Wait

log = logging.getLogger("passerelle")


class Source(Protocol):
    """Where events come from. The last one it gives is `Completed` or `Failed`, and alone where it is `Failed`."""

    pace_s: float | None

    def start(self, wait: Wait) -> None:
        """Begin. `wait` may raise to interrupt."""

    def pause(self) -> None: ...

    def resume(self) -> None: ...

    def leave(self) -> None:
        """Nobody waits any more; can be called again."""

    def close(self) -> None: ...


Begin = Callable[[Callable[[list[Event]], None]], Source]


class Relay:
    """One request of one client. `attempts` make a source each for the sink that they are given; the next one is tried
    where the one before it could not even be asked, as long as nothing has come."""

    def __init__(self, attempts: Iterable[Begin], watch: Watch, deadlines: Deadlines, meter: Meter) -> None:
        self._attempts = iter(attempts)
        self._watch, self._deadlines, self._meter = watch, deadlines, meter
        self._source: Source | None = None
        self._next: Begin | None = next(self._attempts)
        self._held: list[Event] = []
        self._accept: Callable[[list[Event]], None] = self._hold
        self._outlet: Outlet | None = None
        self._is_over = False
        self._failure: GatewayError | None = None
        watch.on_gone = self._client_left

    # -- the serving greenlet's side ------------------------------------------------------------

    def open(self, patience_s: float | None) -> None:
        """Ask, and wait for the first event that tells something, at most `patience_s`.

        Raises what the failure of the last attempt means, or ClientGone.
        """
        try:
            self._until(self._has_news, patience_s)
            self._raise_failure()
        except BaseException as fault:
            self._give_up(fault)
            raise

    def gather(self) -> Answer:
        """The whole answer, for a client that wants no stream. Raises like `open`."""
        gathering = Gathering(self._meter)
        try:
            self._go_on(gathering.add)
            self._until(lambda: self._is_over)
            self._raise_failure()
        except BaseException as fault:
            self._give_up(fault)
            raise
        self._watch.end()
        self._meter.end("ok", 200)
        return gathering.answer

    def stream(self, encoder: StreamEncoder, send_head: Callable[[bytes], object]) -> None:
        """Relay to the end. Returns when the client has it all, or is gone."""
        client = self._watch.client
        outlet = Outlet(client, encoder, self._meter, self._pace_s, self._room, self._watch.left)
        try:
            self._watch.end()
            send_head(b"")
            self._watch.begin()
            self._outlet = outlet
            outlet.watch(self._deadlines)
            if not self._has_news():
                outlet.beat()  # opened because the first word takes long: show at once that the line is alive
            self._go_on(self._send)
            self._until(lambda: self._is_over and not outlet.is_busy)
        except BaseException as fault:
            self._give_up(ClientGone() if isinstance(fault, OSError) else fault)
            client.hang_up()  # whatever the server still writes must not look like an end
            if not isinstance(fault, (ClientGone, OSError)):
                raise
        else:
            self._watch.end()
            self._meter.end("error" if self._failure else "ok", 200, self._failure.code if self._failure else None)
        finally:
            outlet.close()

    def abandon(self) -> None:
        """What was opened is never going to be relayed."""
        if not self._is_over:
            self._give_up(ClientGone())

    @property
    def _pace_s(self) -> float | None:
        return self._source.pace_s if self._source else None

    def _until(self, is_met: Callable[[], bool], timeout_s: float | None = None) -> None:
        """Wait until it is met or the time is over; whoever is to be asked next is asked meanwhile."""
        deadline = None if timeout_s is None else monotonic() + timeout_s
        while True:
            if self._next is not None:
                self._begin()
            left = None if deadline is None else max(0.0, deadline - monotonic())
            self._watch.until(lambda: self._next is not None or is_met(), left)
            if self._next is None:
                return

    def _begin(self) -> None:
        begin, self._next = self._next, None
        if begin is not None:
            source = self._source = begin(self._take)
            source.start(self._watch.ready)

    def _has_news(self) -> bool:
        return self._is_over or any(map(_tells, self._held))

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure.anew()

    def _go_on(self, accept: Callable[[list[Event]], None]) -> None:
        """What was held goes there now, and all that comes."""
        held, self._held, self._accept = self._held, [], accept
        if held:
            self._deliver(held)
        if self._failure is not None and self._outlet is not None:
            self._outlet.put([Failed(self._failure)])
        elif self._source is not None and not self._is_over and not (self._outlet and self._outlet.is_busy):
            self._source.resume()

    def _give_up(self, fault: BaseException) -> None:
        """The greenlet leaves before the end."""
        self._watch.end()
        if isinstance(fault, ClientGone):
            self._meter.end("aborted", 499)
            if self._source is not None:
                self._source.leave()
            return
        if isinstance(fault, GatewayError):
            self._meter.end("error", fault.status, fault.code)
        else:
            self._meter.end("error", 500, "internal_error")
        self._close()

    # -- the event loop's side ------------------------------------------------------------------

    def _client_left(self) -> None:
        if self._source is not None:
            self._source.leave()  # now, not when the greenlet gets its turn

    def _take(self, events: list[Event]) -> None:
        """The source's sink."""
        last = events[-1]
        if type(last) is Failed:
            self._fail(last.error)
            return
        if type(last) is Completed:
            self._is_over = True
        self._deliver(events)
        if self._is_over:
            self._watch.ring()

    def _deliver(self, events: list[Event]) -> None:
        try:
            self._accept(events)
        except GatewayError as fault:
            self._close()
            self._fail(fault)
        except Exception as fault:  # the outermost edge of a stream: a bug of ours must not look like an end
            log.error("The relay failed: %s", where(fault))
            self._close()
            self._fail(GatewayError(f"The gateway failed ({type(fault).__name__}). This is a bug in it."))

    def _hold(self, events: list[Event]) -> None:
        self._held += events
        if self._has_news():
            if self._source is not None:
                self._source.pause()
            self._watch.ring()

    def _send(self, events: list[Event]) -> None:
        outlet = self._outlet
        if outlet is not None:
            outlet.put(events)
            if outlet.is_busy and self._source is not None:
                self._source.pause()

    def _fail(self, error: GatewayError) -> None:
        if self._failure is None and error.is_unreached and not self._held and self._may_try_again():
            return
        self._failure, self._is_over = error, True
        if self._outlet is not None:
            self._outlet.put([Failed(error)])
        self._watch.ring()

    def _may_try_again(self) -> bool:
        self._next = next(self._attempts, None)
        self._watch.ring()
        return self._next is not None

    def _room(self) -> None:
        """The client took what we had."""
        if self._is_over:
            self._watch.ring()
        elif self._source is not None:
            self._source.resume()

    def _close(self) -> None:
        if self._source is not None:
            self._source.close()


def _tells(event: Event) -> bool:
    """Whether the client has something of it: a name, a beginning or a count alone tells nothing."""
    kind = type(event)
    return kind is not Started and kind is not PromptRead and not (kind is Progress and event.phase == "starting")  # type: ignore[union-attr]
