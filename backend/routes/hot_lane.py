"""Answers perfectly regular generation requests from the connection's own loop: no environ, no WSGI, no Flask.

A request is regular when one pattern fits its head, each of its fields comes once, its length is plain digits, its
type is JSON, and it shows nothing that needs a second look (a browser's origin, an encoding, an expectation).
Everything else is left with its bytes unread to the server behind, which then has the connection for good. What is
checked, asked, told and written is the same code that Flask's routes call (`answers.py`); only the reading and
writing of HTTP is ours.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from email.utils import formatdate
from http import HTTPStatus
from time import time
from typing import Any

from gevent import Timeout, socket

from backend.dialects.dialect import Dialect, Generation
from backend.errors import BadRequest, BodyLate, GatewayError
from backend.gateway import Gateway
from backend.observers.exchange import Observers
from backend.relay.client import Client
from backend.relay.deadlines import ClientGone
from backend.relay.meter import Meter
from backend.routes.admission import Admission
from backend.routes.answers import Streamed, Whole, bug, common_headers, generate, gone, new_request_id, render
from backend.routes.body import BODY_DEADLINE_S, parse_object
from backend.routes.dialects import Dialects
from backend.turns import take_turn

log = logging.getLogger("passerelle.lane")
FIRST_READ = 8192
"""As much as gunicorn reads: a larger head meets its limits, not ours."""
_HEAD = re.compile(rb"POST (/[A-Za-z0-9/_-]{1,64}) HTTP/1\.1\r\n((?:[A-Za-z0-9-]{1,64}:[\t\x20-\x7e]*+\r\n){1,64})\r\n")
_LENGTH = re.compile(rb"0|[1-9][0-9]{0,8}")
_TYPES = frozenset((b"application/json", b"application/json; charset=utf-8", b"application/json;charset=utf-8"))
_NEEDS_A_LOOK = frozenset(
    (
        *(b"transfer-encoding", b"expect", b"origin", b"content-encoding", b"upgrade", b"x-request-id", b"trailer"),
        *(b"te", b"sec-fetch-site", b"http2-settings", b"proxy-connection", b"keep-alive"),
    )
)


class _Head:
    """A regular head: the address, its fields by their lower-case names, and where in the bytes it ends."""

    __slots__ = ("end", "fields", "length", "path")

    def __init__(self, path: str, fields: dict[bytes, bytes], length: int, end: int) -> None:
        self.path, self.fields, self.length, self.end = path, fields, length, end

    def __contains__(self, name: str) -> bool:
        return name.encode() in self.fields

    def get(self, name: str) -> str | None:
        value = self.fields.get(name.lower().encode())
        return None if value is None else value.decode("ascii")


def read_head(data: bytes) -> _Head | None:
    """None for any head that is not regular, or not there yet."""
    match = _HEAD.match(data)
    if match is None:
        return None
    lines = match[2].split(b"\r\n")[:-1]
    fields = {}
    for line in lines:
        name, _, value = line.partition(b":")
        fields[name.lower()] = value.strip(b" \t")
    length = fields.get(b"content-length", b"")
    if len(fields) != len(lines) or not _NEEDS_A_LOOK.isdisjoint(fields) or not _LENGTH.fullmatch(length):
        return None
    if fields.get(b"connection", b"keep-alive").lower() != b"keep-alive":
        return None
    if fields.get(b"content-type", b"").lower() not in _TYPES or b"host" not in fields:
        return None
    return _Head(match[1].decode("ascii"), fields, int(length), match.end())


class HotLane:
    """See the module. `table` says which generation each address asks for; `limit` is the largest body in bytes."""

    def __init__(
        self,
        gateway: Gateway,
        admission: Admission,
        observers: Observers,
        dialects: Dialects,
        table: Mapping[str, Generation[Any]],
        limit: int,
    ) -> None:
        self._gateway, self._admission, self._observers = gateway, admission, observers
        self._dialects, self._table, self._limit = dialects, table, limit
        self._second = 0
        self._around = b""

    def serve(self, sock: Any, patience_s: float, has_request: Callable[[bool], bool]) -> Any:
        """Answer until a request comes that is not regular. The connection with that one's bytes unread, or None where
        nothing more is to be done on it.

        `patience_s` is the longest wait for the next request. `has_request` is told when one has begun and when it is
        answered, and says whether the server goes on.
        """
        rest = b""
        while True:
            data = rest or _first(sock, patience_s)
            if not data:
                return None
            head = read_head(data)
            generation = self._table.get(head.path) if head else None
            if head is None or generation is None or head.length > self._limit:
                return Unread(sock, data)
            has_request(True)
            is_usable, rest = self._answer(sock, head, generation, data[head.end :])
            if not has_request(False) or not is_usable:
                return None

    def _answer(self, sock: Any, head: _Head, generation: Generation[Any], data: bytes) -> tuple[bool, bytes]:
        """Whether the connection can be used again, and what has come of the next request."""
        meter = Meter(self._observers, new_request_id(), "POST", head.path)
        dialect = self._dialects.at(head.path, head)
        log.debug("%s is regular.", meter.request_id)
        rest = data[head.length :]
        try:
            self._admission.admit(head)
            body = parse_object(_body(sock, head.length, data))
            client = Client({"passerelle.socket": sock, "SERVER_PROTOCOL": "HTTP/1.1"})
            answer = generate(self._gateway, generation, body, head, client, meter)
            if isinstance(answer, Streamed):
                return self._stream(sock, client, answer, meter, dialect), rest
        except GatewayError as error:
            answer = self._refusal(error, dialect, meter)
        except ClientGone:
            meter.end("aborted", 499)
            answer = self._refusal(gone(), dialect, meter)
        except Exception as fault:
            answer = self._refusal(bug(fault, meter.request_id), dialect, meter)
        meter.end("ok", answer.status)
        written = self._head(answer.status, meter, dialect, answer, len(answer.body))
        return _sent(sock, written + answer.body), rest

    def _refusal(self, error: GatewayError, dialect: Dialect, meter: Meter) -> Whole:
        meter.end("error", error.status, error.code)
        take_turn()  # nothing was waited for: a thousand of these take turns with everybody else's
        return render(error, dialect, meter.request_id)

    def _stream(self, sock: Any, client: Client, answer: Streamed, meter: Meter, dialect: Dialect) -> bool:
        def send_head(_: bytes) -> None:
            client.prefix = self._head(200, meter, dialect, answer, None)

        try:
            answer.relay.stream(answer.encoder, send_head)
        except Exception as fault:
            bug(fault, meter.request_id)
            return False
        return not client.has_hung_up and _sent(sock, b"0\r\n\r\n")

    def _head(self, status: int, meter: Meter, dialect: Dialect, answer: Whole | Streamed, length: int | None) -> bytes:
        content_type = answer.encoder.content_type if isinstance(answer, Streamed) else answer.content_type
        framing = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
        headers = {**answer.headers, "Content-Type": content_type, **common_headers(meter.request_id, dialect)}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        if lines.count("\r\n") != len(headers) or lines.count("\n") != len(headers):
            raise ValueError("a header holds a line break")
        text = f"HTTP/1.1 {status} {_phrase(status)}\r\n{framing}\r\n{lines}"
        return text.encode("latin-1") + self._server()

    def _server(self) -> bytes:
        """What every head ends with, made once a second."""
        now = int(time())
        if now != self._second:
            self._second = now
            date = formatdate(now, usegmt=True).encode("ascii")
            self._around = b"Server: gunicorn\r\nDate: " + date + b"\r\nConnection: keep-alive\r\n\r\n"
        return self._around


class Unread(socket.socket):  # type: ignore[misc]
    """A connection of which some bytes have been read, and are given again to whoever reads next."""

    def __init__(self, sock: Any, data: bytes) -> None:
        super().__init__(sock.family, sock.type, sock.proto, fileno=sock.detach())
        self._unread = data

    def recv(self, size: int, flags: int = 0) -> bytes:
        unread = self._unread[:size]
        if not unread:
            data: bytes = super().recv(size, flags)
            return data
        if not flags & socket.MSG_PEEK:
            self._unread = self._unread[size:]
        return unread


def _first(sock: Any, patience_s: float) -> bytes:
    """The first bytes of a request; b"" where none come."""
    sock.settimeout(patience_s)
    try:
        data: bytes = sock.recv(FIRST_READ)
    except OSError:  # a timeout, too
        return b""
    finally:
        sock.settimeout(None)
    return data


def _body(sock: Any, length: int, data: bytes) -> bytes:
    """The whole body, read straight into its place. Raises BodyLate, or BadRequest where it ends early."""
    if len(data) >= length:
        return data[:length]
    body = bytearray(length)
    body[: len(data)] = data
    view, have = memoryview(body), len(data)
    late = Timeout(BODY_DEADLINE_S)
    try:
        with late:
            while have < length:
                got = sock.recv_into(view[have:])
                if not got:
                    raise BadRequest("The request cannot be understood.")
                have += got
    except Timeout as fault:
        if fault is not late:
            raise
        raise BodyLate("The body did not arrive in time.") from fault
    except OSError as fault:
        raise BadRequest("The request cannot be understood.") from fault
    return bytes(body)


def _sent(sock: Any, data: bytes) -> bool:
    try:
        sock.sendall(data)
    except OSError:
        return False
    return True


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase.upper() if status != 200 else "OK"
    except ValueError:
        return "UNKNOWN"
