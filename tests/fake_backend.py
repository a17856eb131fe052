"""A real HTTP/1.1 server on a real socket that plays Ollama, LM Studio or an OpenAI server, well or badly.

    with FakeBackend("ollama", models=["llama3.2:latest"]) as fake:
        fake.script("/api/chat", Head(200, {"content-type": "application/x-ndjson"}), Bytes(line), Reset())
        ...                                      # the next request to /api/chat gets just that
        request = fake.wait_request(1)           # what came: method, path, headers, body, json
        assert request.wait_closed(1.0)          # the client left before the end

It lives in a thread of its own (an asyncio loop); its process must not be monkey-patched by gevent.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, Self

from tests import fake_dialects, fake_steps
from tests.fake_dialects import Asked, Fake, FakeModel
from tests.fake_steps import (
    FAULTS,
    Bytes,
    Chunks,
    ClientLeft,
    Do,
    End,
    Fin,
    Hang,
    Head,
    Pause,
    RawBytes,
    Reset,
    Status,
    Step,
    UntilClientLeaves,
    WaitFor,
    sliced,
)

__all__ = [
    "FAULTS",
    "Bytes",
    "Chunks",
    "Do",
    "End",
    "FakeBackend",
    "FakeModel",
    "Fin",
    "Hang",
    "Head",
    "Pause",
    "RawBytes",
    "Received",
    "Reset",
    "Status",
    "Step",
    "UntilClientLeaves",
    "WaitFor",
    "sliced",
]

DEADLINE_S = 10.0


class Received:
    """One request as it came. Times are `time.monotonic()`.

    `closed_at` is when the client left before its answer was over, `finished_at` when the answer was.
    `sent` counts the bytes of the answer that the kernel has taken (it stops when the client stops reading).
    """

    def __init__(self, line: str, headers: dict[str, str], body: bytes, connection: int) -> None:
        self.method, self.target, self.version = line.split(" ")
        self.path, _, self.query = self.target.partition("?")
        self.headers = headers
        self.body = body
        self.connection = connection
        self.received_at = time.monotonic()
        self.closed_at: float | None = None
        self.finished_at: float | None = None
        self.sent = 0
        self._over = threading.Event()

    def __repr__(self) -> str:
        end = "closed by the client" if self.closed_at else "finished" if self.finished_at else "under way"
        return f"<{self.method} {self.target}, {len(self.body)} bytes, {end}>"

    @property
    def json(self) -> Any:
        """The body, parsed; None where it is no JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    def wait_closed(self, timeout: float = DEADLINE_S) -> bool:
        """Whether the client left before the end; waits until that is known."""
        self._over.wait(timeout)
        return self.closed_at is not None

    def wait_finished(self, timeout: float = DEADLINE_S) -> bool:
        """Whether the answer was sent to its end (a scripted cut is an end); waits until that is known."""
        self._over.wait(timeout)
        return self.finished_at is not None

    def left(self) -> None:
        if not self._over.is_set():
            self.closed_at = time.monotonic()
            self._over.set()

    def finish(self) -> None:
        if not self._over.is_set():
            self.finished_at = time.monotonic()
            self._over.set()


class FakeBackend:
    """See the module. `missing` holds paths that this server does not know; `tokens` is what it says."""

    def __init__(
        self,
        kind: str = "ollama",
        models: Sequence[str | FakeModel] = ("llama3.2:latest",),
        *,
        version: str = "0.33.0",
        tls: ssl.SSLContext | None = None,
    ) -> None:
        if kind not in fake_dialects.KINDS:
            raise ValueError(f"{kind} is not one of {', '.join(fake_dialects.KINDS)}")
        self.fake = Fake(kind, [FakeModel.of(model) for model in models], version)
        self.port = 0
        self.requests: list[Received] = []
        self.connections = 0
        self._tls = tls
        self._scripts: dict[str, deque[tuple[Step, ...]]] = {}
        self._standing: dict[str, tuple[Step, ...]] = {}
        self._changed = threading.Condition()
        self._lines: set[_Line] = set()
        self._gates: dict[threading.Event, asyncio.Event] = {}
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = asyncio.Event()

    # -- what a test says

    @property
    def kind(self) -> str:
        return self.fake.kind

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    @property
    def models(self) -> list[FakeModel]:
        return self.fake.models

    @models.setter
    def models(self, models: Sequence[str | FakeModel]) -> None:
        self.fake.models = [FakeModel.of(model) for model in models]

    @property
    def missing(self) -> set[str]:
        return self.fake.missing

    def script(self, path: str, *steps: Step) -> None:
        """The next request to this path gets just that; scripts of one path queue up."""
        with self._changed:
            self._scripts.setdefault(path, deque()).append(steps)

    def always(self, path: str, *steps: Step) -> None:
        """Every request to this path that finds no script gets that; without steps: the default again."""
        with self._changed:
            self._standing.pop(path, None)
            if steps:
                self._standing[path] = steps

    def forget(self) -> None:
        """Only defaults again: a test that failed must not leave its script to the next one."""
        with self._changed:
            self._scripts.clear()
            self._standing.clear()

    def fault(self, path: str, name: str, seed: int = 0) -> None:
        """Queue one answer of the fault vocabulary (`FAULTS`) for a stream of this path."""
        model = self.fake.models[0].name if self.fake.models else "none"
        content_type, events = fake_dialects.stream(self.kind, path, model, self.fake.tokens)
        self.script(path, *fake_steps.fault(name, content_type, events, seed))

    def events(self, path: str) -> list[bytes]:
        """The whole events that a good stream of this path has, usage included."""
        model = self.fake.models[0].name if self.fake.models else "none"
        return fake_dialects.stream(self.kind, path, model, self.fake.tokens)[1]

    # -- what a test sees

    def requests_to(self, path: str) -> list[Received]:
        return [request for request in list(self.requests) if request.path == path]

    def wait_request(self, n: int = 1, timeout: float = DEADLINE_S, path: str | None = None) -> Received:
        """The n-th request (to this path) since the start; waits for it. Raises TimeoutError."""

        def matching() -> list[Received]:
            return self.requests if path is None else self.requests_to(path)

        with self._changed:
            if not self._changed.wait_for(lambda: len(matching()) >= n, timeout):
                raise TimeoutError(f"request {n} to {path or 'any path'} did not come; came: {self.requests}")
            return matching()[n - 1]

    def wait_connections(self, n: int, timeout: float = DEADLINE_S) -> None:
        """Wait until exactly n connections are open. Raises TimeoutError."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self._lines) == n, timeout):
                raise TimeoutError(f"{len(self._lines)} connections are open, not {n}")

    @property
    def open_connections(self) -> int:
        return len(self._lines)

    # -- life

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Listen: on a free port at first, on the same port again after a stop."""
        if self._thread is not None:
            return
        listening = threading.Event()
        faults: list[OSError] = []

        def run() -> None:
            try:
                asyncio.run(self._serve(listening))
            except OSError as fault:
                faults.append(fault)
            finally:
                listening.set()

        self._thread = threading.Thread(target=run, name=f"fake {self.kind}", daemon=True)
        self._thread.start()
        listening.wait(DEADLINE_S)
        if faults:
            self._thread.join()
            self._thread = None
            raise faults[0]

    def stop(self) -> None:
        """Die: the port is closed and every open connection is broken."""
        if self._thread is None or self._loop is None:
            return
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(DEADLINE_S)
        if self._thread.is_alive():
            raise TimeoutError("the fake backend does not stop")
        self._thread = self._loop = None

    async def _serve(self, listening: threading.Event) -> None:
        loop = self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        self._gates.clear()
        server = await loop.create_server(
            lambda: _Line(self, loop), "127.0.0.1", self.port, ssl=self._tls, backlog=4096
        )
        self.port = server.sockets[0].getsockname()[1]
        listening.set()
        await self._stopping.wait()
        server.close()
        tasks = [line.task for line in list(self._lines) if line.task is not None]
        for line in list(self._lines):
            line.stop()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        while self._lines:
            await asyncio.sleep(0)

    # -- called by connections

    def opened(self, line: _Line) -> int:
        with self._changed:
            self._lines.add(line)
            self.connections += 1
            self._changed.notify_all()
            return self.connections

    def closed(self, line: _Line) -> None:
        with self._changed:
            self._lines.discard(line)
            self._changed.notify_all()

    def received(self, request: Received) -> tuple[Step, ...]:
        """Record a request and say how to answer it."""
        with self._changed:
            self.requests.append(request)
            self._changed.notify_all()
            if scripts := self._scripts.get(request.path):
                return scripts.popleft()
            if standing := self._standing.get(request.path):
                return standing
        return self.fake.answer(Asked(request.method, request.path, request.json))

    async def gate(self, event: threading.Event) -> asyncio.Event:
        """The loop's own twin of a test's event: one watching thread each, however many answers wait for it."""
        loop = asyncio.get_running_loop()
        if event not in self._gates:
            self._gates[event] = twin = asyncio.Event()
            stopping = self._stopping

            def watch() -> None:
                while not event.wait(0.05):
                    if stopping.is_set():
                        return
                if not loop.is_closed():
                    loop.call_soon_threadsafe(twin.set)

            threading.Thread(target=watch, name="fake gate", daemon=True).start()
        return self._gates[event]


class _Line(asyncio.StreamReaderProtocol):
    """One connection: reads requests, plays their answers, and knows the moment when the client leaves."""

    def __init__(self, fake: FakeBackend, loop: asyncio.AbstractEventLoop) -> None:
        self._reader = asyncio.StreamReader(limit=2**22, loop=loop)
        super().__init__(self._reader, loop=loop)
        self._fake = fake
        self._loop = loop
        self._request: Received | None = None
        self._is_stopping = False
        self.number = 0
        self.gone = asyncio.Event()
        self.task: asyncio.Task[None] | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        if transport.get_extra_info("sslcontext") is None:  # asyncio's TLS would wait for itself
            transport.set_write_buffer_limits(0)  # so that drain() means "the kernel has it"
        self.number = self._fake.opened(self)
        self.writer = asyncio.StreamWriter(transport, self, self._reader, self._loop)
        self.task = self._loop.create_task(self._run())

    def eof_received(self) -> bool:
        self._left()
        return bool(super().eof_received())

    def connection_lost(self, exc: Exception | None) -> None:
        self._left()
        super().connection_lost(exc)
        self._fake.closed(self)

    def stop(self) -> None:
        self._is_stopping = True
        self.writer.transport.abort()

    def _left(self) -> None:
        self.gone.set()
        if self._request is not None and not self._is_stopping:
            self._request.left()

    async def _run(self) -> None:
        try:
            while (request := await _read_request(self._reader, self.number)) is not None:
                self._request = request
                answer = _Answer(self._fake, self, request)
                await answer.play(self._fake.received(request))
                request.finish()
                self._request = None
                if answer.must_close:
                    break
        except (ConnectionError, ClientLeft, asyncio.IncompleteReadError):
            self._left()
        except (ValueError, asyncio.LimitOverrunError):
            self.writer.write(b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
        finally:
            self.writer.close()


async def _read_request(reader: asyncio.StreamReader, connection: int) -> Received | None:
    """The next request, or None where the connection ended between two. Raises ValueError on bad HTTP."""
    first = await reader.read(1)
    if not first:
        return None
    if not first.isalpha():  # someone speaks TLS
        raise ValueError("not HTTP")
    head = first + await reader.readuntil(b"\r\n\r\n")
    line, *fields = head.decode("ascii").removesuffix("\r\n\r\n").split("\r\n")
    headers: dict[str, str] = {}
    for header in fields:
        name, colon, value = header.partition(":")
        if not colon or name != name.strip() or name.lower() in headers:
            raise ValueError(f"not a header: {header}")
        headers[name.lower()] = value.strip()
    if "host" not in headers:
        raise ValueError("no host header")
    if headers.get("transfer-encoding", "").lower() == "chunked":
        body = await _read_chunks(reader)
    else:
        body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Received(line, headers, body, connection)


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    parts = []
    while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
        parts.append(await reader.readexactly(size))
        await reader.readexactly(2)
    await reader.readexactly(2)
    return b"".join(parts)


class _Answer:
    """The state of one answer on the wire; steps play on it."""

    def __init__(self, fake: FakeBackend, line: _Line, request: Received) -> None:
        self._fake = fake
        self._line = line
        self._request = request
        self._is_chunked = False
        self.writer = line.writer
        self.has_head = False
        self.has_ended = False
        self.must_close = request.headers.get("connection", "").lower() == "close"

    async def play(self, steps: Sequence[Step]) -> None:
        for step in steps:
            if self._line.gone.is_set():
                raise ClientLeft
            await step.play(self)
        await self.end()

    async def head(self, code: int, headers: Mapping[str, str], is_chunked: bool) -> None:
        names = {name.lower() for name in headers}
        lines = [f"HTTP/1.1 {code} {fake_steps.reason(code)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self._is_chunked = is_chunked and "content-length" not in names
        if self._is_chunked:
            lines.append("transfer-encoding: chunked")
        elif "content-length" not in names:
            self.must_close = True
        if self.must_close and "connection" not in names:
            lines.append("connection: close")
        self.has_head = True
        await self._send("\r\n".join([*lines, "", ""]).encode("latin-1"))

    async def framed(self, data: bytes) -> None:
        if not self.has_head:
            await self._default_head()
        if not data or self._request.method == "HEAD":
            return
        await self._send(b"%x\r\n%b\r\n" % (len(data), data) if self._is_chunked else data)

    async def raw(self, data: bytes) -> None:
        self.has_head = True
        await self._send(data)

    async def end(self) -> None:
        if self.has_ended:
            return
        if not self.has_head:
            await self._default_head()
        self.has_ended = True
        if self._is_chunked:
            await self._send(b"0\r\n\r\n")

    async def wait(self, seconds: float | None) -> None:
        if seconds == 0:
            await asyncio.sleep(0)
            return
        try:
            await asyncio.wait_for(self._line.gone.wait(), seconds)
        except TimeoutError:
            return
        raise ClientLeft

    async def wait_for(self, event: threading.Event) -> None:
        opened = asyncio.ensure_future((await self._fake.gate(event)).wait())
        left = asyncio.ensure_future(self._line.gone.wait())
        try:
            await asyncio.wait((opened, left), return_when=asyncio.FIRST_COMPLETED)
        finally:
            opened.cancel()
            left.cancel()
        if self._line.gone.is_set():
            raise ClientLeft

    async def _default_head(self) -> None:
        content_type = fake_dialects.NDJSON if self._fake.kind == "ollama" else fake_dialects.SSE
        await self.head(200, {"content-type": content_type}, True)

    async def _send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()
        self._request.sent += len(data)
