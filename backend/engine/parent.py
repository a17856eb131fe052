"""A child's side of the line to its parent: the configuration comes on stdin, one line goes back on stdout.

The child leaves when stdin closes, on SIGTERM, and never on SIGINT: Ctrl-C reaches the whole group, and it is the
parent who decides. Imports nothing of ours, so that a child stays small and starts at once.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from typing import Any


def configuration() -> dict[str, Any] | None:
    """The first line on stdin; None where the parent is gone already. From here on the child ends with its parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    line = sys.stdin.buffer.readline()
    if not line:
        return None
    _leave_when_stdin_closes()
    config: dict[str, Any] = json.loads(line)
    return config


def say(line: dict[str, Any]) -> None:
    print(json.dumps(line), flush=True)


def _leave_when_stdin_closes() -> None:
    """A thread sees the end of stdin, but not while native code holds Python's lock (a model that loads).

    On Linux the kernel itself ends us then: SIGIO, which a pipe sends when its last writer is gone.
    """
    threading.Thread(target=_wait_for_end, name="parent", daemon=True).start()
    if sys.platform == "linux":
        import fcntl

        signal.signal(signal.SIGIO, signal.SIG_DFL)
        fcntl.fcntl(0, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(0, fcntl.F_SETFL, fcntl.fcntl(0, fcntl.F_GETFL) | os.O_ASYNC)


def _wait_for_end() -> None:
    while os.read(0, 4096):
        pass
    os._exit(0)
