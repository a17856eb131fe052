"""The pull of a model as a source of events: progress as it comes, and an end that is true.

A greenlet of its own asks the backend, so that it can be stopped at any point when the client leaves. Between it and
the client stands at most one line a phase: a client that reads slowly gets the latest, and holds nobody up.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator
from contextlib import closing
from typing import Any

import gevent

from backend.dialects.chat import Completed, Event, Failed, Model, Pulled
from backend.dialects.progress import Progress
from backend.errors import GatewayError, where
from backend.upstream.connection import Wait

log = logging.getLogger("passerelle")


class Pull:
    """A `Source`. `ask` does the pull and gives its progress; `describe` looks up what was pulled."""

    pace_s: float | None = None

    def __init__(
        self,
        ask: Callable[[], Generator[Progress, None, None]],
        describe: Callable[[], Model | None],
        sink: Callable[[list[Event]], None],
    ) -> None:
        self._ask, self._describe, self._sink = ask, describe, sink
        self._worker: Any = None
        self._is_paused = True
        self._has_begun = False
        self._unsent: list[Event] = []

    def start(self, wait: Wait) -> None:
        self._worker = gevent.spawn(self._work)

    def pause(self) -> None:
        """The backend goes on; what it tells is kept, the latest of each phase."""
        self._is_paused = True

    def resume(self) -> None:
        self._is_paused = False
        self._flush()

    def leave(self) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the backend at once: this is what stops Ollama."""
        if self._worker is not None:
            self._worker.kill(block=False)
            self._worker = None

    # -- the worker's side

    def _work(self) -> None:
        try:
            with closing(self._ask()) as told:
                for progress in told:
                    self._note(progress)
            model = self._describe()
        except GatewayError as fault:
            self._end([Failed(fault)])
        except Exception as fault:  # an edge: a bug of ours must not look like an end
            log.error("A pull failed: %s", where(fault))
            self._end([Failed(GatewayError("The gateway failed. This is a bug in it."))])
        else:
            self._end([Pulled(model), Completed()])

    def _note(self, progress: Progress) -> None:
        latest = self._unsent[-1] if self._unsent else None
        if isinstance(latest, Progress) and latest.phase == progress.phase:
            self._unsent.pop()
        self._unsent.append(progress)
        if not self._is_paused or (not self._has_begun and progress.phase != "starting"):
            self._flush()

    def _flush(self) -> None:
        """The first line that tells something goes out unasked: somebody waits for it."""
        told, self._unsent = self._unsent, []
        if told:
            self._has_begun = self._has_begun or any(
                isinstance(event, Progress) and event.phase != "starting" for event in told
            )
            self._sink(told)

    def _end(self, events: list[Event]) -> None:
        self._worker = None
        self._flush()
        self._sink(events)
