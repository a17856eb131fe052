"""A connection to a backend, plain or TLS, driven from two sides.

The serving greenlet connects and sends; the event loop delivers what comes back by calling `listen`'s callback.
`Wait` is how the greenlet waits for a descriptor while it stays interruptible by a client that leaves.
"""

from __future__ import annotations

import errno
import ssl
from collections.abc import Callable
from ipaddress import ip_address
from time import monotonic
from typing import Any, Protocol

from gevent import socket
from gevent.hub import get_hub

from backend.upstream.endpoint import Endpoint

READ, WRITE = 1, 2
RECEIVE_BYTES = 65536


class Wait(Protocol):
    """Waits until a descriptor is ready; False when `timeout_s` passed first. May raise to interrupt."""

    def __call__(self, fd: int, direction: int, timeout_s: float) -> bool: ...


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


def _addresses(host: str, port: int) -> list[tuple[int, Any]]:
    """A numeric address is used as it is: a look-up would go through a pool of threads."""
    try:
        version = ip_address(host).version
    except ValueError:
        found = socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)
        return [(entry[0], entry[4]) for entry in found]
    return [(socket.AF_INET if version == 4 else socket.AF_INET6, (host, port))]
