"""One GET over HTTPS from a server that is not trusted: public addresses alone, also after each redirect.

http.client and not requests: there the socket is not ours to make, and the environment's proxies and passwords would
come into play.
"""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import SplitResult, urljoin, urlsplit

from backend import __version__
from backend.download.public import Judge, connect, is_public
from backend.errors import DownloadFailed

TIMEOUT_S = 30.0
"""For a connection, and for the next bytes."""
MOST_REDIRECTS = 6
REDIRECTS = (301, 302, 303, 307, 308)
LONGEST_ADDRESS = 8192  # signed addresses of stores are long


class Interrupted(Exception):
    """The network or the server failed in a way that may be over soon; the message ends a sentence."""


@dataclass(slots=True)
class Reply:
    """A 200 or 206 whose body has not been read. `told` are the header fields of all hops, the last one's first;
    names in lower case."""

    status: int
    host: str
    told: tuple[Mapping[str, str], ...]
    _body: http.client.HTTPResponse = field(repr=False)
    _connection: http.client.HTTPConnection = field(repr=False)

    @property
    def fields(self) -> Mapping[str, str]:
        return self.told[0]

    def read(self, size: int) -> bytes:
        """The next bytes, at most `size`; b"" at the end, whether or not that is where it should be."""
        try:
            return self._body.read1(size)
        except (OSError, http.client.HTTPException) as fault:
            raise Interrupted(_words(fault)) from fault

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._body.close()
        self._connection.close()


class Web:
    """`judge` and `trust` are other ones only in tests, whose server is on this machine."""

    def __init__(self, judge: Judge = is_public, trust: ssl.SSLContext | None = None) -> None:
        self._judge = judge
        self._trust = trust or ssl.create_default_context()

    def get(self, address: str, fields: Mapping[str, str] | None = None) -> Reply:
        """Follows redirects, over HTTPS only. Raises Interrupted, and DownloadFailed for what another try would not
        mend."""
        told: list[Mapping[str, str]] = []
        for _ in range(MOST_REDIRECTS + 1):
            parts = checked(address)
            reply = self._ask(parts, fields or {}, told)
            if reply.status in (200, 206):
                return reply
            with reply:
                if reply.status not in REDIRECTS:
                    raise _refusal(reply.status, reply.host)
                told = list(reply.told)
                address = urljoin(address, reply.fields.get("location", ""))
        raise DownloadFailed(f"{parts.hostname} redirects more than {MOST_REDIRECTS} times.")

    def _ask(self, parts: SplitResult, fields: Mapping[str, str], told: list[Mapping[str, str]]) -> Reply:
        host = str(parts.hostname)
        connection = _Connection(host, parts.port or 443, self._judge, self._trust)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        sent = {"User-Agent": f"passerelle/{__version__}", "Accept": "*/*", "Accept-Encoding": "identity"}
        try:
            connection.request("GET", path, headers={**sent, **fields})
            answer = connection.getresponse()
        except ssl.SSLCertVerificationError as fault:
            connection.close()
            raise DownloadFailed(f"The TLS certificate of {host} is not trusted: {fault.verify_message}.") from fault
        except (OSError, http.client.HTTPException) as fault:
            connection.close()
            raise Interrupted(_words(fault)) from fault
        except BaseException:
            connection.close()
            raise
        here = {name.lower(): value for name, value in answer.getheaders()}
        return Reply(answer.status, host, (here, *told), answer, connection)


class _Connection(http.client.HTTPSConnection):
    """TLS for the host's name, over a connection to an address that was judged."""

    def __init__(self, host: str, port: int, judge: Judge, trust: ssl.SSLContext) -> None:
        super().__init__(host, port, timeout=TIMEOUT_S, context=trust)
        self._judge, self._trust = judge, trust

    def connect(self) -> None:
        plain = connect(self.host, self.port, TIMEOUT_S, self._judge)
        try:
            self.sock: Any = self._trust.wrap_socket(plain, server_hostname=self.host)
        except BaseException:
            plain.close()
            raise


def checked(address: str) -> SplitResult:
    """The parts of an address that may be fetched from. Raises DownloadFailed."""
    try:
        parts = urlsplit(address)
        is_whole = parts.scheme == "https" and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_whole = False
    is_plain = address.isascii() and address.isprintable() and not set(address) & set(' \\"<>')
    if not is_whole or not is_plain or len(address) > LONGEST_ADDRESS:
        raise DownloadFailed("Only addresses that begin with https:// can be fetched.", "download_refused")
    if parts.username is not None or parts.password is not None:
        raise DownloadFailed("An address with a name or a password in it is not fetched.", "download_refused")
    return parts


def _refusal(status: int, host: str) -> Exception:
    if status in (408, 425, 429) or status >= 500:
        return Interrupted(f"it answered {status}")
    if status in (401, 403):
        return DownloadFailed(
            f"{host} does not give this file to strangers ({status}): get it with your account there, and put it into "
            "the models folder (MODELS_DIR)."
        )
    if status in (404, 410):
        return DownloadFailed(f"{host} has no such file ({status}).")
    return DownloadFailed(f"{host} answered {status}, which is no file.")


def _words(fault: Exception) -> str:
    if isinstance(fault, socket.gaierror):
        return "its name is not known (is this machine on the network?)"
    if isinstance(fault, TimeoutError):
        return f"it was silent for {TIMEOUT_S:g} s"
    if isinstance(fault, ConnectionRefusedError):
        return "it does not take the connection"
    if isinstance(fault, OSError):
        return "the connection broke"
    return "it does not speak HTTP"
