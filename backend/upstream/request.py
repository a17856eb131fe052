"""The bytes of a request to a backend."""

from __future__ import annotations

from functools import lru_cache

from backend import __version__
from backend.upstream.endpoint import Endpoint


def request_bytes(endpoint: Endpoint, path: str, body: bytes) -> bytes:
    """A POST with a JSON body. Every header is ours: none of the client's is ever forwarded."""
    return b"%b%d\r\n\r\n%b" % (_head(endpoint, path), len(body), body)


@lru_cache(maxsize=64)
def _head(endpoint: Endpoint, path: str) -> bytes:
    """All but the length of the body, which is written last."""
    host = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
    lines = [
        f"POST {endpoint.base_path}{path} HTTP/1.1",
        f"Host: {host}:{endpoint.port}",
        f"User-Agent: passerelle/{__version__}",
        "Content-Type: application/json",
        "Accept: */*",
    ]
    if endpoint.authorization:
        lines.append(f"Authorization: {endpoint.authorization}")
    return "\r\n".join([*lines, "Content-Length: "]).encode("latin-1")
