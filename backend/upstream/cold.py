"""The cold path to a backend: one bounded request over `requests`, with every failure as a sentence.

It must not know what the answers mean. Relayed answers do not come this way; backend/upstream has those.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic
from typing import Any

import orjson
import requests
from gevent import Timeout
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError, ProtocolError, ReadTimeoutError

from backend import __version__
from backend.dialects.framing import FramingError, LineReader
from backend.errors import BackendFailed, BackendTimeout, BackendUnavailable, GatewayError
from backend.turns import take_turn
from backend.upstream.endpoint import Server

JSON = Any
READ_TIMEOUT_S = 10.0
LARGEST_ANSWER = 16 * 1024 * 1024
LONGEST_LINE = 64 * 1024
_PIECE = 64 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes

    def json(self) -> JSON:
        """The body as JSON, or None where it is none: what that means depends on who was asked what."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return None

    def object(self) -> Mapping[str, JSON]:
        """The body as a JSON object, empty where it is none."""
        value = self.json()
        return value if isinstance(value, dict) else {}


def ask(
    server: Server, path: str, body: JSON = None, timeout_s: float = READ_TIMEOUT_S, method: str | None = None
) -> Answer:
    """GET `path`, or POST it a JSON body (another `method` where one is named); the answer comes with any status,
    whole and at most 16 MiB.

    Raises BackendUnavailable, BackendTimeout or BackendFailed. A session a call: these calls are rare, and
    a kept connection that the server has closed meanwhile (LM Studio does after 5 s) would look like a failure.
    """
    # Each read has its own timeout; only gevent's, in the monkey-patched gateway, ends a slow drip of headers.
    patience = Timeout(server.connect_timeout_s + timeout_s, _too_late(server, timeout_s))
    with (
        _sentences(server, timeout_s),
        patience,
        _session(server) as session,
        _response(session, server, path, body, timeout_s, method) as response,
    ):
        return Answer(response.status_code, _read(response, server, timeout_s))


@contextmanager
def _sentences(server: Server, timeout_s: float) -> Iterator[None]:
    """Foreign exceptions of the cold path become our own here."""
    try:
        yield
    except requests.exceptions.SSLError as fault:
        raise BackendFailed(
            f"There is no trusted TLS connection to {server.title} at {server.url}: does this machine trust its "
            f"certificate, or should {server.setting} start with http://?",
            "tls",
            should_retry=False,
        ) from fault
    except requests.exceptions.ConnectTimeout as fault:
        raise _silent(server) from fault
    except requests.exceptions.ReadTimeout as fault:
        raise _too_late(server, timeout_s) from fault
    except requests.exceptions.ConnectionError as fault:
        raise _broken(server, timeout_s, fault) from fault
    except requests.exceptions.RequestException as fault:
        raise _garbled(server) from fault


def lines(
    server: Server, path: str, body: JSON, idle_s: float, refusal: Callable[[int, bytes], GatewayError]
) -> Generator[bytes, None, None]:
    """POST a JSON body and give the lines of the answer, each as soon as it is there, until the answer ends or breaks
    off: what is missing is for the reader to judge. Closing the generator closes the connection at once.

    Raises like `ask`, BackendTimeout when no line has come for `idle_s`, and what `refusal` makes of another status
    than 200. There is no limit on the whole.
    """
    reader = LineReader(LONGEST_LINE)
    with _sentences(server, idle_s), _session(server) as session:
        with Timeout(server.connect_timeout_s + idle_s, _too_late(server, idle_s)):
            response = _response(session, server, path, body, idle_s, None)
        with response:
            if response.status_code != 200:
                with Timeout(READ_TIMEOUT_S, _too_late(server, READ_TIMEOUT_S)):
                    raise refusal(response.status_code, _read(response, server, READ_TIMEOUT_S))
            heard_at = monotonic()
            while piece := _piece(response):
                for line in _framed(reader, piece, server):
                    yield _without_key(line, server)
                    heard_at = monotonic()
                if monotonic() - heard_at > idle_s:  # bytes alone are no word
                    raise _too_late(server, idle_s)
                take_turn()  # one that never stops talking leaves others their turn


def _piece(response: requests.Response) -> bytes:
    """What has come, without waiting for more; b"" at the end, however it came about."""
    try:
        piece: bytes = response.raw.read1(_PIECE)
    except ReadTimeoutError as fault:
        raise requests.exceptions.ReadTimeout(fault) from fault
    except HTTPError:
        return b""
    return piece


def _framed(reader: LineReader, piece: bytes, server: Server) -> list[bytes]:
    try:
        return reader.feed(piece)
    except FramingError as fault:
        raise BackendFailed(
            f"{server.title} at {server.url} sent a line that is longer than the gateway keeps.", "answer_too_large"
        ) from fault


def _session(server: Server) -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    if server.url.startswith("https:"):
        session.mount("https://", _SystemTrust())
    return session


class _SystemTrust(HTTPAdapter):
    """Trusts what this machine trusts, as the hot path does; requests by itself trusts certifi's list alone."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs, ssl_context=ssl.create_default_context())

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        conn.cert_reqs = "CERT_REQUIRED"


def _response(
    session: requests.Session, server: Server, path: str, body: JSON, timeout_s: float, method: str | None
) -> requests.Response:
    """The head of the answer; its body is still to be read."""
    headers = {
        "Accept": "application/json",
        "Accept-Encoding": "identity",
        "Connection": "close",
        "User-Agent": f"passerelle/{__version__}",
    }
    if server.key:
        headers["Authorization"] = server.authorization
    if body is not None:
        headers["Content-Type"] = "application/json"
    return session.request(
        method or ("GET" if body is None else "POST"),
        server.url + path,
        data=None if body is None else orjson.dumps(body),
        headers=headers,
        timeout=(server.connect_timeout_s, timeout_s),
        allow_redirects=False,
        stream=True,
    )


def _read(response: requests.Response, server: Server, timeout_s: float) -> bytes:
    """The whole body. A server that drips it is given no more time than a silent one."""
    deadline = monotonic() + timeout_s
    pieces: list[bytes] = []
    size = 0
    for piece in response.iter_content(_PIECE):
        pieces.append(piece)
        size += len(piece)
        if size > LARGEST_ANSWER:
            raise BackendFailed(f"{server.title} at {server.url} answered with more than 16 MiB.", "answer_too_large")
        if monotonic() > deadline:
            raise _too_late(server, timeout_s)
    return _without_key(b"".join(pieces), server)


def _without_key(told: bytes, server: Server) -> bytes:
    """Servers quote a key that they refuse; nobody else may read it."""
    return told.replace(server.key.reveal().encode(), b"[key]") if server.key else told


def _silent(server: Server) -> BackendUnavailable:
    return BackendUnavailable(
        f"{server.title} does not answer at {server.url}. {server.start}, or set {server.setting} in .env."
    )


def _too_late(server: Server, timeout_s: float) -> BackendTimeout:
    return BackendTimeout(
        f"{server.title} at {server.url} did not answer within {timeout_s:g} seconds. It may be overloaded."
    )


def _garbled(server: Server) -> BackendFailed:
    return BackendFailed(
        f"{server.title} at {server.url} broke off its answer, or does not speak HTTP. Is {server.setting} right?"
    )


def _broken(server: Server, timeout_s: float, fault: requests.exceptions.ConnectionError) -> GatewayError:
    """requests has one name for a refused connection, a broken one, and a silence within a body."""
    match fault.args[0] if fault.args else None:
        case ReadTimeoutError():
            return _too_late(server, timeout_s)
        case ProtocolError():
            return _garbled(server)
    return _silent(server)


def refused_key(server: Server) -> BackendFailed:
    """The server wants a key, or another one: nothing that a caller can mend by trying again."""
    if not server.key_setting:
        return BackendFailed(f"{server.title} at {server.url} refuses this gateway.", "backend_refused", False)
    advice = "a key that it knows" if server.key else "the key that it wants"
    return BackendFailed(
        f"{server.title} at {server.url} refuses this gateway: set {server.key_setting} in .env to {advice}.",
        "backend_refused",
        should_retry=False,
    )


def stranger(server: Server) -> BackendFailed:
    """Something answers, but not what we look for."""
    return BackendFailed(
        f"What answers at {server.url} is not {server.title}. Correct {server.setting} in .env.",
        "backend_unknown",
        should_retry=False,
    )
