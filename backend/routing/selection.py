"""Which backend answers now: the first of the candidates that is there and has a model, looked at again and again.

It must not know what a backend is asked, nor who asks.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any

import gevent
from gevent.event import Event

from backend.backends.backend import Backend, Fillable, Leavable
from backend.errors import BackendTimeout, BackendUnavailable, GatewayError, where
from backend.observers.exchange import Exchange
from backend.routing.flight import Flight

DOUBTFUL = frozenset(("backend_unavailable", "connect_timeout", "truncated", "backend_error", "backend_timeout"))
"""Failures after which the backend may not be there any more."""
HEAD_START_S = 0.25
"""A silent candidate holds up the next one's probe no longer than this. Without any head start the embedded engine
would be started for nothing at every look."""
LEAST_PAUSE_S = 0.5
"""Between two looks, however many requests fail at the same time."""


@dataclass(frozen=True, slots=True)
class _Probe:
    """What a candidate said: its version ("" where it tells none), or why it cannot be used. `is_empty`: it is there,
    but has no model that could answer."""

    backend: Backend
    version: str = ""
    fault: GatewayError | None = None
    is_empty: bool = False

    @property
    def can_answer(self) -> bool:
        return self.fault is None and not self.is_empty


@dataclass(frozen=True, slots=True)
class _View:
    """What a look came to. `message` says what is wrong, None where all is well; `empty` are those that only want a
    model; `is_seen` is False until there was a look at all."""

    chosen: Backend | None
    version: str = ""
    message: str | None = None
    empty: tuple[Backend, ...] = ()
    is_seen: bool = True

    @property
    def advice(self) -> str | None:
        """How to fill those that are empty."""
        return " ".join(backend.identity.no_models for backend in self.empty) or None


class Selection:
    """Candidates come best first; one that has no model comes after all that have. One alone (BACKEND is fixed) is
    always the current one: a request's own failure says more about it than a probe of some seconds ago, and it may be
    back already."""

    def __init__(
        self,
        candidates: Sequence[Backend],
        interval_s: float = 5.0,
        log: logging.Logger | None = None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._candidates = tuple(candidates)
        self._is_fixed = len(candidates) == 1
        self._interval_s = interval_s
        self._log = log or logging.getLogger("passerelle")
        self._clock = clock
        self._view = _View(candidates[0] if self._is_fixed else None, is_seen=False)
        self._looked_at = 0.0
        self._is_on_notice = False
        self._flight: Flight[None] = Flight()
        self._wake = Event()
        self._loop: Any = None

    def __repr__(self) -> str:
        chosen = self._view.chosen
        candidates = ", ".join(candidate.identity.id for candidate in self._candidates)
        return f"<Selection {chosen.identity.id if chosen else None} of {candidates}>"

    def current(self) -> Backend:
        """The backend to use now. Raises BackendUnavailable where no candidate answers."""
        if self._view.chosen is None and self._is_due():
            self.look()
        if self._view.chosen is None:
            raise BackendUnavailable(self._view.message or "No backend is configured.")
        return self._view.chosen

    def uses(self, backend: Backend) -> bool:
        """Whether this is the one to use now, as far as is known."""
        return self._view.chosen is backend

    def empty(self) -> tuple[Backend, ...]:
        """Better candidates than the current one, or as good, that are there and only want a model."""
        return self._view.empty

    def heard(self, exchange: Exchange) -> None:
        """An observer: a request that failed for its backend, or broke off, is a reason to look."""
        if exchange.error_code in DOUBTFUL:
            self.suspect()

    def state(self) -> dict[str, Any]:
        """`{"name", "url", "version", "ok", "message", "empty"}` as of the last look; looks if there was none."""
        if not self._view.is_seen:
            self.look()
        view = self._view
        return {
            "name": view.chosen.identity.id if view.chosen else "auto",
            "url": view.chosen.address() if view.chosen else None,
            "version": view.version or None,
            "ok": view.chosen is not None and view.message is None,
            "message": view.message or view.advice,
            "empty": [backend.identity.id for backend in view.empty],
        }

    def suspect(self) -> None:
        """The current backend failed somebody: look soon. Returns at once; any number may say so."""
        self._wake.set()

    def look(self) -> None:
        """Ask the candidates, best first, and take the first that can answer. Looks at the same time are one look."""
        self._flight.join(self._look)

    def start(self) -> None:
        """Look every `interval_s`, and when somebody suspects."""
        if self._loop is None:
            self._loop = gevent.spawn(self._run)

    def stop(self) -> None:
        loop, self._loop = self._loop, None
        if loop is not None:
            loop.kill()

    def _run(self) -> None:
        while True:
            self._wake.wait(self._interval_s)
            self._wake.clear()
            try:
                self.look()
            except Exception as fault:  # the edge of this loop: a bug must not end the looking
                self._log.error("Looking for backends failed: %s", where(fault))
            gevent.sleep(min(LEAST_PAUSE_S, self._interval_s))

    def _is_due(self) -> bool:
        return not self._view.is_seen or self._clock() - self._looked_at >= self._interval_s

    # -- a look

    def _look(self) -> None:
        probes, asked = self._ask()
        before = self._view
        self._view = self._judged(probes)
        self._looked_at = self._clock()
        chosen = self._view.chosen
        if chosen is not None:
            for backend in {*asked, before.chosen} - {chosen, None}:
                if isinstance(backend, Leavable):
                    backend.leave()
        self._say(before, [probe.backend for probe in probes if probe.fault is not None])

    def _ask(self) -> tuple[list[_Probe], list[Any]]:
        """Probe in order until one can answer. The probes up to that one (or all, where none did), and who was asked
        at all: while one candidate is silent, worse ones are asked already."""
        probings: list[Any] = []
        try:
            for candidate in self._candidates:
                probings.append(gevent.spawn(self._probe, candidate))
                probings[-1].join(HEAD_START_S)
                if probings[-1].ready() and probings[-1].get().can_answer:
                    break
            probes: list[_Probe] = []
            for probing in probings:
                probes.append(probing.get())
                if probes[-1].can_answer:
                    break
            return probes, list(self._candidates[: len(probings)])
        finally:
            gevent.killall(probings, block=False)

    def _judged(self, probes: list[_Probe]) -> _View:
        faults = [probe.fault for probe in probes if probe.fault is not None]
        message = " ".join(fault.message for fault in faults)
        if self._is_fixed:
            return _View(probes[0].backend, probes[0].version, message or None)
        mine = next((probe for probe in probes if probe.backend is self._view.chosen), None)
        is_slow = mine is not None and isinstance(mine.fault, BackendTimeout)
        if is_slow and not self._is_on_notice:  # a busy machine answers late; twice in a row is another matter
            self._is_on_notice = True
            return self._view
        self._is_on_notice = False
        found = [probe for probe in probes if probe.fault is None]
        if not found:
            return _View(None, message=message)
        best = found[-1] if found[-1].can_answer else found[0]
        return _View(best.backend, best.version, empty=tuple(probe.backend for probe in found if probe.is_empty))

    def _say(self, before: _View, failed: list[Backend]) -> None:
        """One sentence where something changed."""
        view = self._view
        if view.chosen is None or view.message is not None:
            if view.message != before.message:
                self._log.warning(view.message)
            return
        if view.chosen is before.chosen and before.message is None and before.is_seen and view.empty == before.empty:
            return
        why = ""
        if before.chosen is not None and before.chosen is not view.chosen:
            title = before.chosen.identity.title
            why = f", because {title} does not answer any more" if before.chosen in failed else f" instead of {title}"
        version = f" {view.version}" if view.version else ""
        title = view.chosen.identity.title
        address = view.chosen.address() or "an address to come"
        advice = f" {view.advice}" if view.advice else ""
        self._log.info("Using %s%s at %s%s.%s", title, version, address, why, advice)

    def _probe(self, candidate: Backend) -> _Probe:
        try:
            version = candidate.version()
        except GatewayError as fault:
            return _Probe(candidate, fault=fault)
        return _Probe(candidate, version, is_empty=not self._is_fixed and _is_empty(candidate))


def _is_empty(candidate: Backend) -> bool:
    """Where a candidate that is there cannot tell, its own failure will."""
    try:
        return isinstance(candidate, Fillable) and candidate.is_empty()
    except GatewayError:
        return False
