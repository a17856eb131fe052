"""gunicorn as we run it: one gevent worker, replaced when it dies, and errors of HTTP itself in our words."""

from __future__ import annotations

import logging
import socket
import sys
from collections.abc import Callable
from typing import Any


from gunicorn import util
from gunicorn.app.base import BaseApplication
from gunicorn.workers.ggevent import GeventWorker

from backend.settings import Settings

KEEP_ALIVE_S = 15
"""Also the longest time for the head of a request to arrive."""
CONNECTIONS = 8192


class Worker(GeventWorker):  # type: ignore[misc]
    """Serves thousands of connections in one process."""

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """A request that is not HTTP: gunicorn judges it, the answer is JSON like all others."""
        status, reason = _verdict(exc)
        if status >= 500:
            logging.getLogger("passerelle").error("A connection failed with %s.", type(exc).__name__)
        body = (
            b'{"error":{"message":"The request is not valid HTTP, or is too large.",'
            b'"type":"invalid_request_error","param":null,"code":"invalid_http"}}'
        )
        head = (
            f"HTTP/1.1 {status} {reason}\r\nConnection: close\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        try:
            util.write_nonblock(client, head.encode("ascii") + body)
        except OSError:
            self.log.debug("The client left before it could be told.")


def _verdict(exc: BaseException) -> tuple[int, str]:
    from gunicorn.http import errors

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
        }.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        return self._load()


def _stop_parts(server: Any, worker: Any) -> None:
    parts = getattr(worker.wsgi, "extensions", {}).get("passerelle")
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
