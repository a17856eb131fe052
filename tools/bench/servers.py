"""The processes of a benchmark: the stub upstream, nginx, the gateway; what they cost in CPU time and memory."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import psutil

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
WORK = ROOT / ".bench"
START_LIMIT_S = 30.0
STOP_LIMIT_S = 5.0

sys.path.insert(0, str(ROOT))

from backend.settings import Settings  # noqa: E402  (found only with the line above)

PROGRAMS = {"stub": ("stub.c", "answers.c"), "load": ("load.c", "response.c", "events.c")}


class BenchError(Exception):
    """The benchmark cannot go on; the message says what is missing."""


def build() -> None:
    """Compile the C programs that are older than their sources."""
    WORK.mkdir(exist_ok=True)
    newest = max(path.stat().st_mtime for path in [*HERE.glob("*.c"), *HERE.glob("*.h")])
    for program, sources in PROGRAMS.items():
        target = WORK / program
        if target.exists() and target.stat().st_mtime > newest:
            continue
        flags = ["-std=gnu17", "-O2", "-Wall", "-Wextra"]
        subprocess.run([needed("cc"), *flags, "-o", str(target), *[str(HERE / name) for name in sources]], check=True)


def needed(program: str) -> str:
    """Where a program is; Debian keeps nginx out of an ordinary user's PATH."""
    path = shutil.which(program) or shutil.which(program, path="/usr/sbin:/usr/local/sbin")
    if path is None:
        raise BenchError(f"{program} is not installed (Debian: apt install gcc libc6-dev nginx-light wrk).")
    return path


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def get(port: int, path: str, timeout_s: float = 5.0) -> tuple[int, bytes]:
    """GET a page of this machine: status and body. Raises OSError or HTTPException."""
    connection = HTTPConnection("127.0.0.1", port, timeout=timeout_s)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def get_json(port: int, path: str) -> Any:
    return json.loads(get(port, path)[1])


def wait_until(is_so: Callable[[], bool], limit_s: float) -> bool:
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        if is_so():
            return True
        time.sleep(0.05)
    return False


@dataclass(slots=True)
class Server:
    """A running server under test. `start_ms` is the time from its launch to its first good answer."""

    name: str
    port: int
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    start_ms: float | None = None

    def processes(self) -> list[psutil.Process]:
        if self.process is None:
            return []
        parent = psutil.Process(self.process.pid)
        return [parent, *parent.children(recursive=True)]

    def cpu_s(self) -> float:
        """CPU time, user and system, of all its processes so far."""
        return sum(_cpu_s(process.pid) for process in self.processes())

    def rss_bytes(self) -> int:
        return sum(process.memory_info().rss for process in self.processes())

    def pss_bytes(self) -> int:
        """Proportional set size: what processes share is counted once."""
        return sum(process.memory_full_info().pss for process in self.processes())


def _cpu_s(pid: int) -> float:
    # The kernel's own clock of another process, exact to the nanosecond (clock_getcpuclockid makes the same number);
    # /proc counts in steps of 10 ms, too coarse for runs of two seconds.
    return time.clock_gettime((~pid << 3) | 2)


@contextlib.contextmanager
def running(name: str, command: list[str], port: int, environment: dict[str, str] | None = None) -> Iterator[Server]:
    """Start a server, wait for its first good answer, and end it with all its children however the block is left."""
    log = WORK / f"{name.replace(' ', '_')}.log"
    with log.open("ab") as output:
        begun = time.monotonic()
        # In a session of its own, so that Ctrl-C reaches us alone and we end it in order.
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            start_new_session=True,
        )  # fmt: skip
    server = Server(name, port, process)
    try:
        if not _wait_for_answer(process, port):
            raise BenchError(f"{name} did not start; {log.relative_to(ROOT)} says why.")
        server.start_ms = (time.monotonic() - begun) * 1000
        yield server
    finally:
        _end(process)


def _wait_for_answer(process: subprocess.Popen[bytes], port: int) -> bool:
    deadline = time.monotonic() + START_LIMIT_S
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError, HTTPException):
            if get(port, "/health", timeout_s=2.0)[0] == 200:
                return True
        time.sleep(0.005)
    return False


def _end(process: subprocess.Popen[bytes]) -> None:
    family: list[psutil.Process] = []
    with contextlib.suppress(psutil.NoSuchProcess):
        family = psutil.Process(process.pid).children(recursive=True)
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(STOP_LIMIT_S)
    process.kill()
    process.wait()
    for child in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            child.kill()


def stub() -> contextlib.AbstractContextManager[Server]:
    port = free_port()
    return running("stub", [str(WORK / "stub"), str(port)], port)


def direct(stub_port: int) -> contextlib.AbstractContextManager[Server]:
    """No server at all: the stub itself, what the others are compared with."""
    return contextlib.nullcontext(Server("direct", stub_port))


def nginx(stub_port: int) -> contextlib.AbstractContextManager[Server]:
    port = free_port()
    folder = WORK / "nginx"
    folder.mkdir(exist_ok=True)
    text = (HERE / "nginx.conf.in").read_text().replace("@STUB_PORT@", str(stub_port)).replace("@PORT@", str(port))
    (folder / "nginx.conf").write_text(text)
    return running("nginx", [needed("nginx"), "-p", str(folder), "-c", "nginx.conf", "-e", "nginx.log"], port)


def gateway(stub_port: int, dialect: str, bytecode: Path | None = None) -> contextlib.AbstractContextManager[Server]:
    """The gateway as a user starts it, with default settings whatever `.env` says, before a stub of that dialect.

    `bytecode` is where Python keeps compiled modules; an empty folder makes it a first start.
    """
    port = free_port()
    url = f"http://127.0.0.1:{stub_port}"
    # An empty variable means "the default" and wins over .env.
    environment = {**os.environ, **{setting.name.upper(): "" for setting in fields(Settings)}}
    environment |= {"PORT": str(port), "BACKEND": dialect, "OPENAI_URL": f"{url}/v1", "OLLAMA_URL": url}
    if bytecode is not None:
        environment["PYTHONPYCACHEPREFIX"] = str(bytecode)
    name = "gateway, same dialect" if dialect == "openai" else "gateway, Ollama to OpenAI"
    return running(name, [sys.executable, "-m", "backend", "serve"], port, environment)
