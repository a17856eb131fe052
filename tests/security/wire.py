"""Raw HTTP: bytes out, whatever comes back in, and what every answer of the gateway must look like."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

PATIENCE_S = 2.0
"""No request, however broken, may keep its sender waiting longer than that."""
SILENCE_S = 0.3


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def error(self) -> dict[str, Any]:
        """The error's object; fails where the body has another shape than every error of the gateway."""
        assert self.headers["content-type"] == "application/json"
        return error_of(self.body)

    @property
    def code(self) -> str:
        """The word for the failure, in OpenAI's dialect or in Anthropic's."""
        body = json.loads(self.body)
        is_anthropics = body.get("type") == "error"
        return str(body["error"]["details"]["error_code"] if is_anthropics else self.error["code"])


@dataclass
class Heard:
    """All that came back on a connection. `is_closed`: the gateway closed it; `is_reset`: with an RST."""

    replies: list[Reply] = field(default_factory=list)
    is_closed: bool = False
    is_reset: bool = False
    seconds: float = 0.0
    rest: bytes = b""

    @property
    def statuses(self) -> list[int]:
        return [reply.status for reply in self.replies]


def error_of(body: bytes) -> dict[str, Any]:
    error: dict[str, Any] = json.loads(body)["error"]
    assert error.keys() == {"message", "type", "param", "code"}
    assert error["message"]
    assert isinstance(error["message"], str)
    assert isinstance(error["type"], str)
    assert isinstance(error["code"], str)
    assert error["param"] is None or isinstance(error["param"], str)
    return error


def request(
    method: str = "GET",
    target: str = "/v1/models",
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    host: str | None = "localhost",
) -> bytes:
    """A request in good form. `host=None`: no Host header."""
    lines = [f"{method} {target} HTTP/1.1"]
    if host is not None:
        lines.append(f"Host: {host}")
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + (body or b"")


def one(port: int, data: bytes) -> Reply:
    """The reply to one request in good form."""
    line = Line(port)
    try:
        return line.ask(data)
    finally:
        line.close()


class Line:
    """A connection that is kept, as far as the gateway keeps it, for requests in good form."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._connection: socket.socket | None = None

    def ask(self, data: bytes) -> Reply:
        connection = self._connection or socket.create_connection(("127.0.0.1", self._port), 10)
        self._connection = connection
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(data)
        received = b""
        while True:
            piece = connection.recv(65536)
            received += piece
            replies, rest = parse(received, not piece)
            if replies:
                assert not rest
                if replies[0].headers.get("connection") == "close":
                    self.close()
                return replies[0]
            assert piece, f"closed after {received!r}"

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def hear(port: int, data: bytes, count: int | None = None) -> Heard:
    """Send bytes and listen until the gateway closes, or `count` replies are whole.

    After a short silence our own sending side is closed, as a client does that has no more to say.
    """
    start = monotonic()
    heard = Heard()
    received = b""
    with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as connection:
        with suppress(BrokenPipeError, ConnectionResetError):  # refused before all was sent: there is an answer
            connection.sendall(data)
        connection.settimeout(SILENCE_S)
        has_more_to_say = True
        while not heard.is_closed:
            try:
                piece = connection.recv(65536)
            except TimeoutError:
                if not has_more_to_say:
                    break
                has_more_to_say = False
                with suppress(OSError):  # it is closed already, which the next read tells
                    connection.shutdown(socket.SHUT_WR)
                connection.settimeout(PATIENCE_S)
                continue
            except ConnectionResetError:
                piece, heard.is_reset = b"", True
            heard.is_closed = not piece
            received += piece
            heard.replies, heard.rest = parse(received, heard.is_closed)
            if count is not None and len(heard.replies) >= count:
                break
    heard.seconds = monotonic() - start
    return heard


def parse(data: bytes, is_over: bool = True) -> tuple[list[Reply], bytes]:
    """The whole replies in `data`, and what follows them. Interim replies (1xx) are left out."""
    replies = []
    while True:
        head, found, rest = data.partition(b"\r\n\r\n")
        if not found:
            return replies, data
        status_line, *lines = head.decode("latin-1").split("\r\n")
        version, status, _ = status_line.split(" ", 2)
        assert version in ("HTTP/1.1", "HTTP/1.0"), status_line
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        if status.startswith("1"):
            data = rest
            continue
        body, after = _body(headers, rest, is_over, int(status))
        if body is None:
            return replies, data
        replies.append(Reply(int(status), headers, body))
        data = after


def _body(headers: Mapping[str, str], data: bytes, is_over: bool, status: int) -> tuple[bytes | None, bytes]:
    if "content-length" in headers:
        length = int(headers["content-length"])
        return (data[:length], data[length:]) if len(data) >= length else (None, data)
    if headers.get("transfer-encoding") == "chunked":
        return _chunked(data)
    if status in (204, 304):
        return b"", data
    return (data, b"") if is_over else (None, data)


def _chunked(data: bytes) -> tuple[bytes | None, bytes]:
    body = b""
    rest = data
    while True:
        line, found, rest = rest.partition(b"\r\n")
        size = int(line, 16) if found else 0
        if not found or len(rest) < size + 2:
            return None, data
        body, rest = body + rest[:size], rest[size + 2 :]
        if not size:
            return body, rest
