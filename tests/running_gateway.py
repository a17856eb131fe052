"""The gateway as its users run it: a process of its own, spoken to over its socket."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from time import monotonic
from typing import Any, Self

import requests

ROOT = Path(__file__).resolve().parent.parent
DEADLINE_S = 20


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


RUNNING: set[RunningGateway] = set()
"""Whose logs a failing test shows."""


class RunningGateway:
    """`python -m backend serve` with these settings (names of the environment), on a port of its own."""

    def __init__(self, **settings: object) -> None:
        self.port = int(str(settings.pop("PORT", None) or free_port()))
        self.url = f"http://127.0.0.1:{self.port}"
        self._settings = {name: str(value) for name, value in settings.items()}
        self._folder = tempfile.TemporaryDirectory()
        self._log = Path(self._folder.name) / "log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> str:
        """All it has said on stdout and stderr."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None
        return self._process

    def start(self) -> Self:
        environment = {
            **{
                name: value
                for name, value in os.environ.items()
                if name in ("PATH", "HOME", "LANG", "SYSTEMROOT", "TMPDIR")
            },
            "PORT": str(self.port),
            "MODELS_DIR": self._folder.name,
            **self._settings,
        }
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "backend", "serve"],
                cwd=ROOT,
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        RUNNING.add(self)
        try:
            self.wait_for_log(r"listens on ")
        except BaseException:
            self.stop()
            raise
        return self

    def wait_for_log(self, pattern: str) -> None:
        deadline = monotonic() + DEADLINE_S
        gate = threading.Event()
        while not re.search(pattern, self.log):
            assert self.process.poll() is None, f"The gateway ended:\n{self.log}"
            assert monotonic() < deadline, f"{pattern!r} is not in the log:\n{self.log}"
            gate.wait(0.02)

    def interrupt(self) -> int:
        """Ctrl-C, as a terminal sends it: to the whole group."""
        os.killpg(self.process.pid, signal.SIGINT)
        return self.process.wait(DEADLINE_S)

    def stop(self) -> None:
        RUNNING.discard(self)
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGINT)
            try:
                self._process.wait(3)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait(DEADLINE_S)
        self._folder.cleanup()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    # -- speaking to it

    def get(self, path: str, **more: Any) -> requests.Response:
        return requests.get(self.url + path, timeout=DEADLINE_S, **more)

    def post(self, path: str, body: object = None, **more: Any) -> requests.Response:
        return requests.post(self.url + path, json=body, timeout=DEADLINE_S, **more)

    def raw(self, data: bytes) -> bytes:
        """Send bytes, give all that comes until the gateway closes or is silent for a second."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=DEADLINE_S) as connection:
            connection.sendall(data)
            connection.settimeout(1)
            received = b""
            try:
                while piece := connection.recv(65536):
                    received += piece
            except (TimeoutError, ConnectionResetError):
                pass
        return received
