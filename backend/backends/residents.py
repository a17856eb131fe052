"""Which of Ollama's models certainly are in memory, so that leaving a request cannot abort a load.

A client that leaves while Ollama loads its model aborts the load (server/sched.go: the load waits with the
request's context). `/api/ps` alone does not tell loading from loaded: until July 2026 (commit 6cd40001a) it lists a
runner as soon as its loading begins. Two things do tell:

- the model has answered, or
- two looks at `/api/ps` in a row show the same `expires_at`. A runner gets one when its first request ends; for
  one that has none yet, Ollama makes one up from the clock, another one at every look.

Proof ages: models are unloaded when idle, and pushed out by others. Being wrong one way costs a reload for
everybody, the other way only the tokens up to the first; so doubt means "not in memory".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic

ANSWER_PROVES_S = 60.0
LISTING_PROVES_S = 300.0


@dataclass(slots=True)
class _Resident:
    expires_at: str | None = None
    answered_at: float = -1e9
    proven_until: float = -1e9


class Residents:
    """`clock` gives seconds, `today` the time of day with its zone."""

    def __init__(
        self, clock: Callable[[], float] = monotonic, today: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._clock, self._today = clock, today
        self._residents: dict[str, _Resident] = {}

    def __repr__(self) -> str:
        return f"<Residents {sorted(model for model in self._residents if self.holds(model))}>"

    def holds(self, model: str) -> bool:
        resident = self._residents.get(model)
        return resident is not None and self._clock() < resident.proven_until

    def answered(self, model: str) -> None:
        """The first event of an answer came. A model that was not known to be in memory has just been loaded,
        and may have pushed out any other."""
        now = self._clock()
        if not self.holds(model):
            for other in self._residents.values():
                other.proven_until = -1e9
        resident = self._residents.setdefault(model, _Resident())
        resident.answered_at = now
        resident.proven_until = max(resident.proven_until, now + ANSWER_PROVES_S)

    def listed(self, expiries: Mapping[str, str | None], asked_at: float) -> None:
        """`/api/ps`, asked at that time of the clock, showed these models with their `expires_at`."""
        for model in list(self._residents):
            if model not in expiries and self._residents[model].answered_at < asked_at:
                del self._residents[model]
        for model, expires_at in expiries.items():
            resident = self._residents.setdefault(model, _Resident())
            if expires_at is not None and expires_at == resident.expires_at:
                resident.proven_until = self._clock() + min(LISTING_PROVES_S, self._left_s(expires_at))
            resident.expires_at = expires_at

    def _left_s(self, expires_at: str) -> float:
        """Seconds until then; 0 where it is no time. Ollama's "for ever" is a date centuries ahead."""
        try:
            until = datetime.fromisoformat(expires_at)
            return (until - self._today()).total_seconds()
        except (ValueError, TypeError, OverflowError):
            return 0.0
