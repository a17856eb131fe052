"""One model kept running: a thread starts the child process, waits for its end, and starts it again.

Works in a process that gevent has patched and in a plain one: it needs only threads and pipes.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import secrets
import subprocess
import sys
import threading
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

from backend.errors import BackendFailed, BackendUnavailable

log = logging.getLogger("passerelle")

ROOT = Path(__file__).resolve().parent.parent.parent
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
STEADY_S = 60.0
"""A child that lived this long starts again after the shortest pause."""
LOAD_AGAIN_S = 30.0
"""A model that could not be loaded is tried again after this long at the earliest, and only if it is asked for."""
LEAVE_S = 2.0
LINE_LIMIT = 65536
SECRET_WORDS = ("KEY", "TOKEN", "SECRET", "PASSWORD")


@dataclass(frozen=True, slots=True)
class Program:
    """A kind of child. `cannot_load` is a sentence for {name} and {error}, `died` one for {name} and {ending}."""

    module: str
    title: str
    cannot_load: str
    died: str


LLAMA = Program(
    "backend.engine.child",
    "The embedded engine",
    "llama.cpp cannot load {name}: {error}. Replace or remove the file, or use another model.",
    "The embedded engine ended with {ending} while it loaded {name}. "
    "Is there enough memory, and does this processor have AVX2?",
)


@dataclass(frozen=True, slots=True)
class Load:
    """What to run. `context` is one conversation's, in tokens; `changed_ns` and `size_bytes` tell a file that was
    replaced under the same name."""

    path: Path
    model: str
    context: int
    parallel: int
    is_embedder: bool = False
    ranks: bool = False
    prompt_cache_mib: int = 0
    size_bytes: int = 0
    changed_ns: int = 0
    program: Program = LLAMA


@dataclass(frozen=True, slots=True)
class Address:
    """Where a ready child listens on 127.0.0.1."""

    port: int
    key: str = field(repr=False)
    context: int
    process_id: int


class Keeper:
    """One model, kept running by one thread until `stop`. `state` is "starting", "ready", "failed" or "stopped"."""

    def __init__(self, load: Load, threads: int) -> None:
        self.load = load
        self.state = "starting"
        self.failure: str | None = None
        self._threads = threads
        self._failed_at = 0.0
        self._has_been_ready = False
        self._address: Address | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._changed = threading.Condition()
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="engine", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End the child: by closing its stdin, then by force."""
        self._is_over.set()
        process = self._process
        if process is not None and process.stdin is not None:
            with contextlib.suppress(OSError):
                process.stdin.close()
        self._thread.join(LEAVE_S)
        process = self._process
        if self._thread.is_alive() and process is not None:
            process.kill()
            self._thread.join(LEAVE_S)
        self._become("stopped", None)

    @property
    def _title(self) -> str:
        return self.load.program.title

    @property
    def ready(self) -> Address | None:
        return self._address

    def address(self, wait_s: float) -> Address:
        if wait_s > 0:
            with self._changed:
                self._changed.wait_for(lambda: self.state != "starting", wait_s)
        address = self._address  # without waiting no lock is touched: the event loop itself may ask
        if address is not None:
            return address
        if self.failure is not None:
            raise BackendFailed(self.failure, should_retry=False)
        raise BackendUnavailable(f"{self._delay()} Ask again in a moment.", "model_loading", 1)

    def _delay(self) -> str:
        if self.state == "stopped":
            return f"{self._title} has just been stopped."
        if self._has_been_ready:
            return f"{self._title} has died and is starting again."
        size = self.load.size_bytes
        weight = f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{max(1, round(size / 1e6))} MB"
        return f"{self._title} is loading {self.load.model} ({weight})."

    def may_be_tried_again(self) -> bool:
        return self.failure is not None and monotonic() - self._failed_at > LOAD_AGAIN_S

    def _keep(self) -> None:
        pause_s = FIRST_PAUSE_S
        while not self._is_over.is_set():
            born = monotonic()
            if not self._live():
                return
            if monotonic() - born > STEADY_S:
                pause_s = FIRST_PAUSE_S
            self._is_over.wait(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    def _live(self) -> bool:
        """One child from birth to death. False: no further one should follow."""
        key = secrets.token_urlsafe(32)
        try:
            process = self._process = _spawn(self.load.program.module)
        except OSError as fault:
            return self._fail(f"{self._title} cannot be started: {fault.strerror or type(fault).__name__}.")
        stdin, stdout = process.stdin, process.stdout
        assert stdin and stdout  # noqa: PT018  (both are pipes; this is for mypy)
        with stdout, contextlib.closing(stdin):
            with contextlib.suppress(OSError):  # it died already: the missing answer says so
                stdin.write(self._configuration(key))
                stdin.flush()
            if self._is_over.is_set():
                process.kill()
            answer = _object(stdout.readline(LINE_LIMIT))
            if "port" in answer:
                self._has_been_ready = True
                self._become("ready", Address(answer["port"], key, answer["context"], process.pid))
                stdout.read()
        return self._bury(answer, process.wait())

    def _bury(self, answer: dict[str, Any], code: int) -> bool:
        if self._is_over.is_set():
            return False
        if "port" not in answer:
            return self._fail(self._reason(answer, code))
        log.warning("%s ended with %s; it starts again.", self._title, _ending(code))
        self._become("starting", None)
        return True

    def _configuration(self, key: str) -> bytes:
        load = asdict(self.load)
        del load["program"]
        line = {**load, "path": str(self.load.path), "key": key, "threads": self._threads}
        return json.dumps(line).encode() + b"\n"

    def _reason(self, answer: dict[str, Any], code: int) -> str:
        name, program = self.load.path.name, self.load.program
        if "error" in answer:
            return program.cannot_load.format(name=name, error=answer["error"])
        return program.died.format(name=name, ending=_ending(code))

    def _fail(self, sentence: str) -> bool:
        log.error(sentence)
        self.failure = sentence
        self._failed_at = monotonic()
        self._become("failed", None)
        return False

    def _become(self, state: str, address: Address | None) -> None:
        with self._changed:
            self.state = state
            self._address = address
            self._changed.notify_all()


def _spawn(module: str) -> subprocess.Popen[bytes]:
    """Start a child in a group of its own, so that Ctrl-C does not reach it, and without any of our secrets."""
    environment = {
        name: value for name, value in os.environ.items() if not any(word in name.upper() for word in SECRET_WORDS)
    }
    flags = 0
    if sys.platform == "win32":
        flags = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
    return subprocess.Popen(  # noqa: S603  (the module is one of our own)
        [sys.executable, "-m", module],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
        creationflags=flags,
    )


def _object(line: bytes) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _ending(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"code {code}"
