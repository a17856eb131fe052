"""One pull of a model for one client: progress as it comes, signs of life, and an end that is true.

A greenlet of its own asks the backend, so that it can be stopped at any point when the client leaves; the serving
greenlet writes. Between them stands at most one line a phase: a client that reads slowly gets the latest, and holds
nobody up.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator
from contextlib import closing
from time import monotonic
from typing import Any

import gevent
from gevent.event import Event as Bell

from backend.dialects.openai.reply import encode_error
from backend.dialects.progress import Progress, encode_done, encode_progress
from backend.errors import GatewayError, where
from backend.relay.client import Client
from backend.relay.meter import Meter
from backend.relay.relay import ClientGone, Deadlines

log = logging.getLogger("passerelle")


class Pull:
    """See the module. `ask` does the pull and gives its progress; `describe` is what is told at the end of a good one:
    the model's description."""

    content_type = "application/x-ndjson"

    def __init__(
        self,
        ask: Callable[[], Generator[Progress, None, None]],
        describe: Callable[[], Any],
        client: Client,
        deadlines: Deadlines,
        meter: Meter,
    ) -> None:
        self._ask, self._describe = ask, describe
        self._client, self._deadlines, self._meter = client, deadlines, meter
        self._worker: Any = None
        self._bell = Bell()
        self._is_gone = self._is_over = False
        self._latest = Progress()
        self._unsent: list[Progress] = []
        self._failure: GatewayError | None = None
        self._model: Any = None

    # -- the serving greenlet's side

    def open(self) -> None:
        """Begin, and wait until something is being downloaded, at most a heartbeat: what fails before that (a wrong
        name, most of all) has a real status. Raises GatewayError, or ClientGone."""
        self._client.attach(self._client_left)
        try:
            self._worker = gevent.spawn(self._work)
            self._wait_for(lambda: self._is_over or self._latest.phase != "starting", self._deadlines.heartbeat_s)
            if self._failure is not None:
                raise self._failure
        except BaseException as fault:
            self._give_up(fault)
            raise

    def stream(self, send_head: Callable[[bytes], object]) -> None:
        """Write to the end. Returns when the client has it all, or is gone."""
        try:
            self._client.detach()
            send_head(b"")
            self._client.attach(self._client_left)
            self._unsent = self._unsent or [self._latest]
            while self._unsent or not self._is_over:
                lines, self._unsent = self._unsent, []
                for progress in lines:
                    self._send(encode_progress(progress))
                if not self._wait_for(lambda: bool(self._unsent) or self._is_over, self._deadlines.heartbeat_s):
                    self._unsent = [self._latest]  # a sign of life that every reader of lines understands
            self._send(encode_error(self._failure) + b"\n" if self._failure else encode_done(self._model))
        except BaseException as fault:
            self._give_up(ClientGone() if isinstance(fault, OSError) else fault)
            self._client.hang_up()  # whatever the server still writes must not look like an end
            if not isinstance(fault, (ClientGone, OSError)):
                raise
        else:
            self._client.detach()
            self._meter.end("error" if self._failure else "ok", 200, self._failure.code if self._failure else None)

    def abandon(self) -> None:
        """What was opened is never going to be written."""
        if not self._is_over:
            self._give_up(ClientGone())

    def _send(self, line: bytes) -> None:
        """All of it. Raises OSError or ClientGone; a client that takes nothing for the idle timeout has gone, too."""
        left = memoryview(self._client.frame(line))
        moved_at = monotonic()
        while left:
            sent = self._client.send(left)
            left = left[sent:]
            moved_at = monotonic() if sent else moved_at
            if left:
                self._client.when_writable(self._bell.set)
                patience_s = moved_at + self._deadlines.idle_s - monotonic()
                self._bell.clear()
                self._bell.wait(max(0.0, patience_s))
                self._client.no_longer()
                if self._is_gone or patience_s <= 0:
                    raise ClientGone

    def _wait_for(self, is_met: Callable[[], bool], timeout_s: float) -> bool:
        """Whether it was met in time. Raises ClientGone as soon as the client left."""
        deadline = monotonic() + timeout_s
        while True:
            if self._is_gone:
                raise ClientGone
            left = deadline - monotonic()
            if is_met() or left <= 0:
                return is_met()
            self._bell.clear()
            self._bell.wait(left)

    def _give_up(self, fault: BaseException) -> None:
        self._client.detach()
        self._stop()
        if isinstance(fault, ClientGone):
            self._meter.end("aborted", 499)
        elif isinstance(fault, GatewayError):
            self._meter.end("error", fault.status, fault.code)
        else:
            self._meter.end("error", 500, "internal_error")

    # -- the event loop's side

    def _client_left(self) -> None:
        self._is_gone = True
        self._stop()  # now, not when the serving greenlet gets its turn
        self._bell.set()

    def _stop(self) -> None:
        """Let go of the backend at once: this is what stops Ollama."""
        if self._worker is not None:
            self._worker.kill(block=False)

    # -- the worker's side

    def _work(self) -> None:
        try:
            with closing(self._ask()) as told:
                for progress in told:
                    self._note(progress)
            self._model = self._describe()
        except GatewayError as fault:
            self._failure = fault
        except Exception as fault:  # an edge: a bug of ours must not look like an end
            log.error("A pull failed: %s", where(fault))
            self._failure = GatewayError("The gateway failed. This is a bug in it.")
        finally:
            self._is_over = True
            self._bell.set()

    def _note(self, progress: Progress) -> None:
        self._latest = progress
        if self._unsent and self._unsent[-1].phase == progress.phase:
            self._unsent.pop()
        self._unsent.append(progress)
        self._bell.set()
