"""A server of files that can misbehave, over TLS or plain."""

from __future__ import annotations

import hashlib
import re
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

import trustme

NAME = "localhost"


@dataclass
class Manner:
    """How one request is answered. `cut_at`: the connection ends after so many bytes of the body. `length` and `total`
    are what is claimed. `start`: another beginning than the one that was asked for."""

    status: int | None = None
    fields: Mapping[str, str] = field(default_factory=dict)
    without: tuple[str, ...] = ()
    cut_at: int | None = None
    length: int | None = None
    total: int | None = None
    start: int | None = None
    knows_ranges: bool = True
    body: bytes | None = None


GOOD = Manner()


@dataclass
class Asked:
    path: str
    fields: dict[str, str]


class FileServer:
    """Serves `files` by their path. `script` is used up one request at a time, then `always` holds."""

    def __init__(self, files: Mapping[str, bytes], is_tls: bool = True) -> None:
        self.files = dict(files)
        self.script: list[Manner] = []
        self.always = GOOD
        self.asked: list[Asked] = []
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self.port = self._server.server_address[1]
        if is_tls:
            authority = trustme.CA()
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            authority.issue_cert(NAME).configure_cert(context)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
            self.trust = ssl.create_default_context()
            authority.configure_trust(self.trust)
        self.url = f"{'https' if is_tls else 'http'}://{NAME}:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def manner(self) -> Manner:
        return self.script.pop(0) if self.script else self.always


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Clients leave in the middle, and tests want them to."""


def _handler(server: FileServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            server.asked.append(Asked(self.path, {name.lower(): value for name, value in self.headers.items()}))
            manner = server.manner()
            data = server.files.get(self.path.partition("?")[0])
            if data is None and manner.status is None:
                manner = Manner(404)
            self._answer(manner, data or b"")

        def _answer(self, manner: Manner, data: bytes) -> None:
            etag = f'"{hashlib.md5(data).hexdigest()}"'
            asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
            is_part = bool(asked) and manner.knows_ranges and self.headers.get("If-Range", etag) == etag
            start, end = (int(asked[1]), int(asked[2] or len(data) - 1) + 1) if asked and is_part else (0, len(data))
            start = manner.start if manner.start is not None and is_part else start
            body = data[start:end] if manner.body is None else manner.body
            self.send_response_only(manner.status or (206 if is_part else 200))
            length = manner.length if manner.length is not None else len(body)
            kind = "text/html" if self.path.endswith("/") else "application/octet-stream"
            fields = {"Content-Type": kind, "Content-Length": str(length), "ETag": etag}
            if is_part:
                total = manner.total if manner.total is not None else len(data)
                fields["Content-Range"] = f"bytes {start}-{start + len(body) - 1}/{total}"
            for name, value in {**fields, "Connection": "close", **manner.fields}.items():
                if name not in manner.without:
                    self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body if manner.cut_at is None else body[: manner.cut_at])
            self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Not on the tests' screen."""

    return Handler


def judge(address: str) -> bool:
    """Lets the server of the tests pass, and nothing else."""
    return address in ("127.0.0.1", "::1")
