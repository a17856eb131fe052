"""The embedded engine as the rest sees it: one llama.cpp child process at a time, on a loopback port.

It must not know models of other kinds than one file, nor who asks.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

from backend.engine.keeper import Address, Keeper, Load
from backend.errors import BackendUnavailable

SLOTS_TIMEOUT_S = 2.0


class Engine:
    """At most one child at a time. All methods may be called from any thread."""

    def __init__(self, threads: int | None = None) -> None:
        self._threads = threads or max(1, _cores() - 1)  # with all cores llama.cpp's spinning threads starve us
        self._lock = threading.Lock()
        self._keeper: Keeper | None = None

    def __repr__(self) -> str:
        keeper = self._keeper
        return f"<Engine {keeper.load.model}: {keeper.state}>" if keeper else "<Engine stopped>"

    @property
    def loaded(self) -> Load | None:
        """What it runs or tries to run; None when stopped."""
        keeper = self._keeper
        return keeper.load if keeper else None

    def load(self, load: Load) -> None:
        """Run this and nothing else. Returns at once when it runs already, and before it is ready when not."""
        with self._lock:
            keeper = self._keeper
            if keeper and keeper.load == load and not keeper.may_be_tried_again():
                return
            self._keeper = Keeper(load, self._threads)  # at once: a greenlet may be killed while it stops the old one
            try:
                if keeper:
                    keeper.stop()
            finally:
                self._keeper.start()

    def stop(self) -> None:
        with self._lock:
            keeper, self._keeper = self._keeper, None
            if keeper:
                keeper.stop()

    def address(self, wait_s: float = 0.0) -> Address:
        """Where to connect now. Waits for a child that is starting, at most `wait_s` seconds.

        Raises BackendUnavailable (code model_loading) while it starts, BackendFailed when the model cannot be loaded.
        """
        keeper = self._keeper
        if keeper is None:
            raise BackendUnavailable("The embedded engine is not running.")
        return keeper.address(wait_s)

    def ready(self) -> Address | None:
        """Where it listens, if it does."""
        keeper = self._keeper
        return keeper.ready if keeper else None

    def failure(self) -> str | None:
        """One sentence: why the model cannot be loaded."""
        keeper = self._keeper
        return keeper.failure if keeper else None

    def is_busy(self) -> bool:
        """Whether it is answering somebody. An engine that is too busy to say so is busy; one that starts is not."""
        address = self.ready()
        if address is None:
            return False
        try:
            return any(slot["is_processing"] for slot in _slots(address))
        except TimeoutError:
            return True
        except (OSError, ValueError, http.client.HTTPException):  # it has just died
            return False

    def memory_bytes(self) -> int | None:
        """Resident memory of the child, where the system tells it (Linux)."""
        address = self.ready()
        if address is None:
            return None
        with contextlib.suppress(OSError, ValueError, IndexError):
            pages = Path(f"/proc/{address.process_id}/statm").read_text().split()[1]
            return int(pages) * os.sysconf("SC_PAGE_SIZE")
        return None


def _slots(address: Address) -> list[dict[str, Any]]:
    connection = http.client.HTTPConnection("127.0.0.1", address.port, timeout=SLOTS_TIMEOUT_S)
    try:
        connection.request("GET", "/slots", headers={"Authorization": f"Bearer {address.key}", "Connection": "close"})
        slots: list[dict[str, Any]] = json.loads(connection.getresponse().read())
        return slots
    finally:
        connection.close()


def _cores() -> int:
    """Cores that this process may use."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
