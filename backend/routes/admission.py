"""Who may ask: the Host and the Origin a browser shows, and the key. Knows nothing of models.

A web page elsewhere can make a browser call us; what it cannot do is choose the Host header (unless its
name points here: DNS rebinding) or hide its Origin. Both are compared as exact strings, on every request.

Our own page may be reached under another scheme and port than we listen on: through a proxy with TLS, or a forwarded
port. Its origin is then the Host header's, which is ours; that of any other page is not.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import re
from typing import Protocol

from backend.errors import Forbidden, Unauthorized
from backend.settings import Settings, is_loopback

log = logging.getLogger("passerelle")
ORIGINS_SAID = 20
DEFAULT_PORTS = {"http": "80", "https": "443"}
SCHEMES = tuple(DEFAULT_PORTS)
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::([0-9]{1,5}))?", re.ASCII)
_LOCAL_ORIGIN = re.compile(r"https?://(localhost|127\.0\.0\.1|\[::1\])(:[0-9]{1,5})?", re.ASCII)
_KEY = re.compile(r"[\x21-\x7e]{1,512}", re.ASCII)


class Headers(Protocol):
    """A request's header fields, whatever the case of their names."""

    def get(self, name: str, /) -> str | None: ...


class Admission:
    """Checks made before anything else is looked at. `origins` are those of pages that may read our answers though a
    browser takes them for another site's."""

    def __init__(self, settings: Settings) -> None:
        local = {"localhost", "127.0.0.1", "[::1]"}
        if not is_loopback(settings.host) and settings.host not in ("0.0.0.0", "::"):  # noqa: S104 – compared, not bound
            local.add(f"[{settings.host}]" if ":" in settings.host else settings.host.lower())
        named = [_HOST.fullmatch(host) for host in settings.allowed_hosts]
        named_ports = {(match[1], match[2]) for match in named if match is not None}
        self._hosts = local | {host for host, _ in named_ports}
        served = {(scheme, host, str(settings.port)) for scheme in SCHEMES for host in self._hosts}
        served |= {(scheme, host, port or DEFAULT_PORTS[scheme]) for scheme in SCHEMES for host, port in named_ports}
        self.origins = [*sorted(_origin(*origin) for origin in served), *settings.cors_origins]
        self._refused: set[str] = set()
        self._digests = [_digest(key.reveal()) for key in settings.api_keys]

    def admit(self, headers: Headers, is_page: bool = False, needs_key: bool = True) -> None:
        """All that is asked of whoever asks. Raises Forbidden, Unauthorized or BadRequest."""
        self.check_host(headers.get("Host"))
        self.check_origin(headers, is_navigation_target=is_page)
        if needs_key:
            self.check_key(headers)

    def check_host(self, host: str | None) -> None:
        """Raises Forbidden for a name that is not ours."""
        match = _HOST.fullmatch((host or "").lower())
        if match is None or match[1] not in self._hosts:
            raise Forbidden(
                "This gateway does not go by the name in the Host header. "
                "If it should, put that name into ALLOWED_HOSTS in .env.",
                "host_not_allowed",
            )

    def check_origin(self, headers: Headers, is_navigation_target: bool) -> None:
        """Raises Forbidden for a web page of another origin. Following a link to our page stays possible."""
        origin = headers.get("Origin")
        if origin is not None:
            if origin not in self.origins and not _is_of(origin, headers.get("Host") or ""):
                self._say_once(origin)
                raise Forbidden(
                    "Web pages of this origin may not call the gateway. If they should, put the origin "
                    "(such as http://localhost:3000) into CORS_ORIGINS in .env.",
                    "origin_not_allowed",
                )
        elif headers.get("Sec-Fetch-Site") == "cross-site" and not (
            is_navigation_target and headers.get("Sec-Fetch-Mode") == "navigate"
        ):
            raise Forbidden("Web pages of other sites may not call the gateway.", "origin_not_allowed")

    def _say_once(self, origin: str) -> None:
        """A browser hides our refusal from the page and its author, who is likely at this machine, so the log says
        what to do; but no flood, and nothing that a stranger could write into it."""
        if origin not in self._refused and len(self._refused) < ORIGINS_SAID and _LOCAL_ORIGIN.fullmatch(origin):
            self._refused.add(origin)
            log.warning("A web page of %s was refused. If it may call, set CORS_ORIGINS=%s in .env.", origin, origin)

    def check_key(self, headers: Headers) -> None:
        """Raises Unauthorized without a known key, where keys are wanted. Clients may show two, an old one and ours
        (Claude Code does): one that is known is enough."""
        if not self._digests:
            return
        shown = _credentials(headers)
        if not shown:
            raise Unauthorized("This gateway wants a key: send it as `Authorization: Bearer KEY` or `x-api-key: KEY`.")
        if True not in [self._is_known(key) for key in sorted(shown)]:
            raise Unauthorized("Incorrect API key provided: this key is not known here.")

    def _is_known(self, key: str) -> bool:
        """All are compared, so that the time tells nothing."""
        if not _KEY.fullmatch(key):
            return False
        digest = _digest(key)
        return True in [hmac.compare_digest(digest, digest_of_key) for digest_of_key in self._digests]

    def has_key(self, headers: Headers) -> bool:
        try:
            self.check_key(headers)
        except Unauthorized:
            return False
        return True


def _origin(scheme: str, host: str, port: str) -> str:
    """As a browser writes it."""
    return f"{scheme}://{host}" if port == DEFAULT_PORTS[scheme] else f"{scheme}://{host}:{port}"


def _is_of(origin: str, host: str) -> bool:
    """Whether the page came from where its request goes. `host` is known to be ours."""
    scheme, _, authority = origin.partition("://")
    default = DEFAULT_PORTS.get(scheme)
    return default is not None and authority == host.lower().removesuffix(f":{default}")


def _credentials(headers: Headers) -> set[str]:
    shown = set()
    scheme, _, token = (headers.get("Authorization") or "").partition(" ")
    if scheme.lower() == "bearer":
        shown.add(token.strip())
    shown.add((headers.get("X-Api-Key") or "").strip())
    return shown - {""}


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8")).digest()
