"""One HTTP/1.1 exchange with one backend: connect, send, receive, close. Foreign failures are mapped here.

Nothing here knows what a body means. A connection is driven from two sides: the serving greenlet
connects and sends, and the event loop delivers what comes back by calling `listen`'s callback. `Wait`
is how the greenlet waits for a descriptor while it stays interruptible by a client that leaves.
"""

from __future__ import annotations

import errno
import ssl
from collections import deque
from collections.abc import Callable
from ipaddress import ip_address
from time import monotonic
from typing import Any, Protocol

import gevent
from gevent import socket
from gevent.hub import get_hub
from httptools import HttpParserError, HttpResponseParser

from backend import __version__
from backend.backends.backend import Endpoint
from backend.errors import BackendFailed, BackendTimeout, BackendUnavailable, GatewayError

READ, WRITE = 1, 2
RECEIVE_BYTES = 65536
HEAD_LIMIT = 65536
IDLE_LIFE_S = 4.0
"""LM Studio closes an idle connection after 5 s, so an older one may already be dead."""
SETTLE_S = 1.0


class Wait(Protocol):
    """Waits until a descriptor is ready; False when `timeout_s` passed first. May raise to interrupt."""

    def __call__(self, fd: int, direction: int, timeout_s: float) -> bool: ...


class Reply:
    """One HTTP response as it arrives: the head, then body pieces for whoever takes them."""

    __slots__ = (
        "_head_size",
        "_is_framed",
        "_parser",
        "_pieces",
        "content_type",
        "is_complete",
        "keeps_connection",
        "status",
    )

    def __init__(self) -> None:
        self.status = 0
        self.content_type = ""
        self.is_complete = False
        self.keeps_connection = False
        self._is_framed = False
        self._head_size = 0
        self._pieces: list[bytes] = []
        self._parser = HttpResponseParser(self)

    def feed(self, data: bytes) -> bytes:
        """Take bytes off the wire, give the body bytes they hold. Raises HttpParserError."""
        if not self.status:
            self._head_size += len(data)
            if self._head_size > HEAD_LIMIT + RECEIVE_BYTES:
                raise HttpParserError("the head is too large")
        self._parser.feed_data(data)
        pieces = self._pieces
        if not pieces:
            return b""
        body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        pieces.clear()
        return body

    @property
    def ends_with_connection(self) -> bool:
        """Neither a length nor chunks: only the end of the connection ends this body."""
        return bool(self.status) and not self._is_framed

    # httptools calls these

    def on_header(self, name: bytes, value: bytes) -> None:
        match name.lower():
            case b"content-type":
                self.content_type = value.decode("latin-1").strip().lower()
            case b"content-length" | b"transfer-encoding":
                self._is_framed = True

    def on_headers_complete(self) -> None:
        self.status = self._parser.get_status_code()

    def on_body(self, data: bytes) -> None:
        self._pieces.append(data)

    def on_message_complete(self) -> None:
        if self.status < 200:  # an interim response: the real one follows
            self.status, self.content_type, self._is_framed = 0, "", False
        else:
            self.is_complete = True
            self.keeps_connection = bool(self._parser.should_keep_alive())  # the parser forgets it afterwards


class Connection:
    """A plain TCP connection to a backend."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.is_reused = False
        self.idle_since = 0.0
        self._socket: Any = None
        self._reader: Any = None
        self._sink: Callable[[bytes], None] | None = None

    # -- the serving greenlet's side

    def connect(self, wait: Wait, timeout_s: float) -> None:
        """Raises OSError (refused, unreachable, unknown name) or TimeoutError."""
        deadline = monotonic() + timeout_s
        addresses = _addresses(self.endpoint.host, self.endpoint.port)
        for position, (family, address) in enumerate(addresses):
            try:
                self._dial(family, address, wait, deadline)
                return
            except OSError:
                self.close()
                if position == len(addresses) - 1:
                    raise

    def _dial(self, family: int, address: Any, wait: Wait, deadline: float) -> None:
        self._socket = socket.socket(family, socket.SOCK_STREAM)
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        fault = self._socket.connect_ex(address)
        if fault in (errno.EINPROGRESS, errno.EWOULDBLOCK):
            self._ready(wait, WRITE, deadline)
            fault = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if fault:
            raise OSError(fault, "connect")

    def send(self, data: bytes, wait: Wait, idle_timeout_s: float) -> None:
        """Send all. A backend that stops reading early may have answered already, so a broken pipe is no error here."""
        view = memoryview(data)
        while view:
            try:
                view = view[self._send(view) :]
            except BlockingIOError:
                self._ready(wait, WRITE, monotonic() + idle_timeout_s)
            except (BrokenPipeError, ConnectionResetError):
                return

    def _ready(self, wait: Wait, direction: int, deadline: float) -> None:
        if not wait(self._socket.fileno(), direction, max(0.0, deadline - monotonic())):
            raise TimeoutError("the backend is not ready in time")

    def _send(self, data: memoryview) -> int:
        sent: int = self._socket.send(data)
        return sent

    # -- the event loop's side

    def listen(self, sink: Callable[[bytes], None]) -> None:
        """Call `sink` with what arrives, with b"" once when the connection has ended."""
        self._sink = sink
        if self._reader is None:
            self._reader = get_hub().loop.io(self._socket.fileno(), READ)
        self.resume()

    def pause(self) -> None:
        if self._reader is not None:
            self._reader.stop()

    def resume(self) -> None:
        if self._reader is not None and not self._reader.active:
            self._reader.start(self._readable)

    def _readable(self) -> None:
        try:
            data = self._receive()
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.pause()
        if self._sink is not None:
            self._sink(data)

    def _receive(self) -> bytes:
        data: bytes = self._socket.recv(RECEIVE_BYTES)
        return data

    def is_alive(self) -> bool:
        """Whether an idle connection is still open and silent, as it must be."""
        try:
            self._socket.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        except OSError:
            pass
        return False

    def close(self) -> None:
        self._sink = None
        if self._reader is not None:
            self._reader.stop()
            self._reader.close()
            self._reader = None
        if self._socket is not None:
            self._socket.close()
            self._socket = None


class TlsConnection(Connection):
    """The same over TLS, by memory buffers: the event loop watches the bare socket, so that bytes which TLS
    has already read can never be forgotten in its own buffer."""

    def __init__(self, endpoint: Endpoint, context: ssl.SSLContext) -> None:
        super().__init__(endpoint)
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_hostname=endpoint.host)

    def _dial(self, family: int, address: Any, wait: Wait, deadline: float) -> None:
        super()._dial(family, address, wait, deadline)
        while True:
            try:
                self._tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self._flush(wait, deadline)
                self._ready(wait, READ, deadline)
                self._fill()
        self._flush(wait, deadline)

    def send(self, data: bytes, wait: Wait, idle_timeout_s: float) -> None:
        self._tls.write(data)
        super().send(self._out.read(), wait, idle_timeout_s)

    def _flush(self, wait: Wait, deadline: float) -> None:
        super().send(self._out.read(), wait, deadline - monotonic())

    def _fill(self) -> None:
        data = self._socket.recv(RECEIVE_BYTES)
        if data:
            self._in.write(data)
        else:
            self._in.write_eof()

    def _receive(self) -> bytes:
        self._fill()
        pieces = []
        try:
            while piece := self._tls.read(RECEIVE_BYTES):
                pieces.append(piece)
        except ssl.SSLWantReadError:
            if not pieces:
                raise BlockingIOError from None
        except ssl.SSLError:
            if not pieces:
                raise
        return b"".join(pieces)


class Pool:
    """Connections that wait for their next request, newest first; an old one is closed, never used."""

    def __init__(self) -> None:
        self._idle: dict[Endpoint, deque[Connection]] = {}
        self._tls: ssl.SSLContext | None = None

    def take(self, endpoint: Endpoint) -> Connection:
        """A live idle connection, or a new one that is not connected yet."""
        idle = self._idle.get(endpoint)
        while idle:
            connection = idle.pop()
            if monotonic() - connection.idle_since < IDLE_LIFE_S and connection.is_alive():
                connection.is_reused = True
                return connection
            connection.close()
        return self.new(endpoint)

    def new(self, endpoint: Endpoint) -> Connection:
        if not endpoint.is_tls:
            return Connection(endpoint)
        self._tls = self._tls or ssl.create_default_context()
        return TlsConnection(endpoint, self._tls)

    def give(self, connection: Connection) -> None:
        connection.pause()
        now = connection.idle_since = monotonic()
        idle = self._idle.setdefault(connection.endpoint, deque())
        while idle and now - idle[0].idle_since >= IDLE_LIFE_S:
            idle.popleft().close()
        idle.append(connection)

    def settle(self, connection: Connection, reply: Reply) -> None:
        """Take back a connection whose answer is known to be whole, though its framing may not have ended yet."""
        if reply.is_complete:
            self._keep_or_close(connection, reply)
            return
        patience = gevent.get_hub().loop.timer(SETTLE_S)

        def arrived(data: bytes) -> None:
            try:
                reply.feed(data)
            except HttpParserError:
                data = b""
            if reply.is_complete or not data:
                patience.close()
                self._keep_or_close(connection, reply)

        def too_late() -> None:
            patience.close()
            connection.close()

        patience.start(too_late)
        connection.listen(arrived)

    def _keep_or_close(self, connection: Connection, reply: Reply) -> None:
        if reply.keeps_connection:
            self.give(connection)
        else:
            connection.close()


def request_bytes(endpoint: Endpoint, path: str, body: bytes) -> bytes:
    """A POST with a JSON body. Every header is ours: none of the client's is ever forwarded."""
    host = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
    lines = [
        f"POST {endpoint.base_path}{path} HTTP/1.1",
        f"Host: {host}:{endpoint.port}",
        f"User-Agent: passerelle/{__version__}",
        "Content-Type: application/json",
        "Accept: */*",
        f"Content-Length: {len(body)}",
    ]
    if endpoint.authorization:
        lines.append(f"Authorization: {endpoint.authorization}")
    return "\r\n".join([*lines, "\r\n"]).encode("latin-1") + body


def failure_of(fault: Exception, server: str, setting: str) -> GatewayError:
    """What a foreign exception means to a caller. `setting` names what to change in `.env`."""
    if isinstance(fault, GatewayError):
        return fault
    if isinstance(fault, TimeoutError):
        return BackendTimeout(
            f"{server} did not accept a connection in time. Is it overloaded, or is {setting} wrong?", "connect_timeout"
        )
    if isinstance(fault, ssl.SSLCertVerificationError):
        return BackendFailed(f"{server} showed a certificate that this machine does not trust.", "tls", False)
    if isinstance(fault, ssl.SSLError):
        return BackendFailed(f"{server} does not speak TLS as expected. Should {setting} start with http://?", "tls")
    if isinstance(fault, HttpParserError):
        return BackendFailed(f"{server} answered with something that is not HTTP. Is {setting} right?")
    if isinstance(fault, OSError):
        return BackendUnavailable(f"{server} does not answer. Start it, or set {setting} in .env.")
    raise fault


def _addresses(host: str, port: int) -> list[tuple[int, Any]]:
    """A numeric address is used as it is: a look-up would go through a pool of threads."""
    try:
        version = ip_address(host).version
    except ValueError:
        found = socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)
        return [(entry[0], entry[4]) for entry in found]
    return [(socket.AF_INET if version == 4 else socket.AF_INET6, (host, port))]
