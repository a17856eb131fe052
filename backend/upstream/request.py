"""The bytes of a request to a backend."""

from __future__ import annotations

from backend import __version__
from backend.upstream.endpoint import Endpoint


def request_bytes(endpoint: Endpoint, path: str, body: bytes) -> bytes:
    """A POST with a JSON body. Every header is ours: none of the client's is ever forwarded."""
    host = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
    lines = [
        f"POST {endpoint.base_path}{path} HTTP/1.1",
        f"Host: {host}:{endpoint.port}",
        f"User-Agent: passerelle/{__version__}",
        "Content-Type: application/json",
        "Accept: */*",
        f"Content-Length: {len(body)}",
    ]
    if endpoint.authorization:
        lines.append(f"Authorization: {endpoint.authorization}")
    return "\r\n".join([*lines, "\r\n"]).encode("latin-1") + body
