"""gunicorn as we run it: one gevent worker, replaced when it dies, and errors of HTTP itself in our words."""

from __future__ import annotations

import contextlib
import logging
import secrets
import socket
import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from gunicorn import util
from gunicorn.app.base import BaseApplication
from gunicorn.http import errors
from gunicorn.http.body import LengthReader
from gunicorn.workers.ggevent import GeventWorker

from backend.dialects.dialect import Dialect
from backend.errors import GatewayError
from backend.routes.hot_lane import HotLane
from backend.settings import Settings
from backend.turns import take_turn

KEEP_ALIVE_S = 15
"""Also the longest time for the head of a request to arrive."""
CONNECTIONS = 8192
CHUNKS_LIMIT = 100_000
CHUNKS_A_TURN = 500
LINGER_S = 1.0
LINGER_BYTES = 1024 * 1024


class Worker(GeventWorker):  # type: ignore[misc]
    """Serves thousands of connections in one process."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._idle: set[Any] = set()

    def handle(self, listener: Any, client: Any, addr: Any) -> None:
        """The hot lane has every connection first, and gives back those on which it is asked something else."""
        self._idle.add(client)
        try:
            left = self._lane.serve(client, KEEP_ALIVE_S, partial(self._note, client))
        finally:
            self._idle.discard(client)
        if left is None:
            util.close(client)
            return
        self._idle.add(left)
        try:
            super().handle(listener, left, addr)
        finally:
            self._idle.discard(left)

    @property
    def _lane(self) -> HotLane:
        lane: HotLane = self.wsgi.extensions["passerelle"].lane
        return lane

    def _note(self, client: Any, is_busy: bool) -> bool:
        """Whether this worker goes on; an idle connection is one that may be closed when it ends."""
        (self._idle.discard if is_busy else self._idle.add)(client)
        return bool(self.alive)

    def handle_exit(self, sig: int, frame: Any) -> None:
        """SIGTERM: streams may end, but nobody waits for connections on which nothing is asked."""
        super().handle_exit(sig, frame)
        for client in self._idle:
            _expect_nothing(client)

    def handle_request(self, listener_name: Any, req: Any, sock: Any, addr: Any) -> Any:
        """A connection whose request was answered before its end is closed: what follows is of no use to anybody,
        and reading it (as gunicorn would) has no bound."""
        _check_target(req)
        take_turn()  # a thousand requests sent in one go take turns with everybody else's
        self._idle.discard(sock)
        body = req.body.reader = _BodyReader(req.body.reader)
        must_close = req.should_close
        req.should_close = lambda: must_close() or not body.is_at_end
        try:
            return super().handle_request(listener_name, req, sock, addr)
        except StopIteration:
            if not body.is_at_end:
                _hang_up(sock)
            raise
        finally:
            if self.alive:
                self._idle.add(sock)
            else:
                _expect_nothing(sock)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """A request that is not HTTP: gunicorn judges it, the answer is JSON like all others."""
        status, reason = _verdict(exc)
        if status >= 500:
            logging.getLogger("passerelle").error("A connection failed with %s.", type(exc).__name__)
        try:
            util.write_nonblock(client, self._refusal(req, status, reason))
        except OSError:
            self.log.debug("The client left before it could be told.")
        _hang_up(client)

    def _refusal(self, req: Any, status: int, reason: str) -> bytes:
        """In the dialect of the address, as far as the request tells one."""
        error = GatewayError("The gateway failed. This is a bug in it.", status)
        if status < 500:
            message = "The request is not valid HTTP, or is too large."
            error = GatewayError(message, status, "invalid_request_error", "invalid_http")
        names = {name.lower() for name, _ in getattr(req, "headers", ())}
        dialect: Dialect = self.wsgi.extensions["passerelle"].dialects.at(getattr(req, "path", None) or "/", names)
        request_id = f"req_{secrets.token_hex(12)}"
        body = dialect.error(error, request_id)
        head = (
            f"HTTP/1.1 {status} {reason}\r\nConnection: close\r\nContent-Type: {dialect.error_content_type}\r\n"
            f"Content-Length: {len(body)}\r\n{_id_lines(dialect, request_id)}"
            "X-Content-Type-Options: nosniff\r\n\r\n"
        )
        return head.encode("ascii") + body


def _id_lines(dialect: Dialect, request_id: str) -> str:
    names = filter(None, ("x-request-id", dialect.request_id_header))
    return "".join(f"{name}: {request_id}\r\n" for name in names)


class _BodyReader:
    """Reads a request's body. What is not framed as HTTP wants it becomes an OSError, which Flask answers with 400."""

    def __init__(self, reader: Any) -> None:
        self._reader = reader
        if not isinstance(reader, LengthReader):
            reader.parser = _bounded(reader.parser)

    @property
    def is_at_end(self) -> bool:
        if isinstance(self._reader, LengthReader):
            return bool(self._reader.length == 0)
        return self._reader.parser is None

    def read(self, size: int) -> bytes:
        wanted = min(size, self._reader.length) if isinstance(self._reader, LengthReader) else 0
        try:
            data: bytes = self._reader.read(size)
        except errors.ParseException as fault:
            raise OSError("The body is not framed as HTTP wants it.") from fault
        if len(data) < wanted:
            raise OSError("The body ended early.")
        return data


def _bounded(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Megabytes in chunks of one byte would keep the event loop from everybody else for seconds."""
    for count, piece in enumerate(pieces, 1):
        if count > CHUNKS_LIMIT:
            raise errors.InvalidChunkSize(b"too many chunks")
        if count % CHUNKS_A_TURN == 0:
            take_turn()
        yield piece


def _expect_nothing(client: Any) -> None:
    """Whoever waits for the next request on this connection sees its end instead."""
    with contextlib.suppress(OSError):
        client.shutdown(socket.SHUT_RD)


def _check_target(req: Any) -> None:
    """A target that is a whole URL must name the same host as the Host header (RFC 9112, 3.2.2), which is
    the one that is checked."""
    if req.uri.startswith("/") or req.uri == "*" or req.method == "CONNECT":
        return
    target = urlsplit(req.uri)
    host = next((value for name, value in req.headers if name == "HOST"), "")
    if target.scheme not in ("http", "https") or target.netloc.lower() != host.lower():
        raise errors.InvalidRequestLine(req.uri)


def _hang_up(client: Any) -> None:
    """Close so that the answer arrives: bytes left unread would turn the end into a reset, which may overtake it."""
    util.close_graceful(client, LINGER_S, LINGER_BYTES)


def _verdict(exc: BaseException) -> tuple[int, str]:
    if isinstance(exc, (errors.InvalidResponseHeader, errors.InvalidResponseHeaderName)):
        return 500, "Internal Server Error"
    if isinstance(exc, errors.LimitRequestLine):
        return 414, "URI Too Long"
    if isinstance(exc, errors.LimitRequestHeaders):
        return 431, "Request Header Fields Too Large"
    if isinstance(exc, (errors.ParseException, UnicodeError)):
        return 400, "Bad Request"
    return 500, "Internal Server Error"


class Server(BaseApplication):  # type: ignore[misc]
    """gunicorn, configured in code; it reads no file and no environment of its own."""

    def __init__(self, settings: Settings, listener: socket.socket, load: Callable[[], Any]) -> None:
        self._settings, self._listener, self._load = settings, listener, load
        super().__init__()

    def load_config(self) -> None:
        for name, value in {
            "bind": [f"fd://{self._listener.fileno()}"],
            "worker_class": Worker,
            "workers": 1,
            "worker_connections": CONNECTIONS,
            "keepalive": KEEP_ALIVE_S,
            "timeout": 120,
            "graceful_timeout": 30,
            "loglevel": "warning",
            "control_socket_disable": True,
            "worker_exit": _stop_parts,
            # No header chooses a scheme or a path, whoever sends it.
            "forwarded_allow_ips": "",
            "forwarder_headers": "",
            "secure_scheme_headers": {},
        }.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        return self._load()


def _stop_parts(server: Any, worker: Any) -> None:
    parts = getattr(getattr(worker, "wsgi", None), "extensions", {}).get("passerelle")
    if parts is not None:
        parts.stop()


def run(settings: Settings, listener: socket.socket, load: Callable[[], Any]) -> int:
    try:
        Server(settings, listener, load).run()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    except KeyboardInterrupt:
        print(file=sys.stderr)
    return 0
