"""The caller's socket, as the relay needs it: is somebody still there, and will they take bytes now?"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

from gevent import socket
from gevent.hub import get_hub

READ, WRITE = 1, 2


class Client:
    """A connected client. Between `attach` and `detach` its socket is ours and does not block.

    A client that closes only its sending side after the request looks as if it had left.
    """

    def __init__(self, environ: dict[str, Any]) -> None:
        self._socket: Any = environ.get("gunicorn.socket") or environ.get("passerelle.socket")
        if self._socket is None:
            raise RuntimeError("This server does not show its sockets. Start the gateway with: python -m backend serve")
        self._is_chunked = environ["SERVER_PROTOCOL"] not in ("HTTP/1.0", "HTTP/0.9")
        self.prefix = b""
        """What goes out with the first bytes: the head of a stream."""
        self.has_hung_up = False
        self._watcher: Any = None
        self._writer: Any = None

    def attach(self, on_gone: Callable[[], None]) -> None:
        """Call `on_gone` as soon as the client closes its connection."""
        self._socket.setblocking(False)
        self._watcher = get_hub().loop.io(self._socket.fileno(), READ)
        self._watcher.start(self._peek, on_gone)

    def detach(self) -> None:
        """Give the socket back to the server, which writes with blocking calls."""
        for watcher in (self._watcher, self._writer):
            if watcher is not None:
                watcher.stop()
                watcher.close()
        self._watcher = self._writer = None
        self._socket.setblocking(True)

    def _peek(self, on_gone: Callable[[], None]) -> None:
        try:
            data = self._socket.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self._watcher.stop()  # bytes are a pipelined request: nothing more can be learned from reading
        if not data:
            on_gone()

    def frame(self, data: bytes) -> bytes:
        """A chunk of HTTP/1.1's chunked coding; the bare bytes for HTTP/1.0."""
        framed = b"%x\r\n%b\r\n" % (len(data), data) if self._is_chunked else data
        if self.prefix:
            framed, self.prefix = self.prefix + framed, b""
        return framed

    def send(self, data: bytes | memoryview) -> int:
        """How many bytes the system took, maybe none. Raises OSError when the client is gone."""
        try:
            sent: int = self._socket.send(data)
        except BlockingIOError:
            return 0
        return sent

    def when_writable(self, callback: Callable[[], None]) -> None:
        """Call back each time there is room, until `no_longer`."""
        if self._writer is None:
            self._writer = get_hub().loop.io(self._socket.fileno(), WRITE)
        self._writer.start(callback)

    def no_longer(self) -> None:
        if self._writer is not None:
            self._writer.stop()

    def hang_up(self) -> None:
        """Make sure that nothing more, not even a polite end, follows on this connection."""
        self.has_hung_up = True
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
