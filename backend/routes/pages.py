"""Serves the page: what lies in `frontend/`, with headers that leave injected text nothing to do. Knows no API."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import cast

from flask import Blueprint, Response, abort, redirect, request
from werkzeug.security import safe_join

# Named here, since Python asks the operating system otherwise, and Windows may call .js plain text.
MEDIA_TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".json": "application/json",
    ".svg": "image/svg+xml",
}
_INLINE_SCRIPT = re.compile(rb"<script(?![^>]*\ssrc=)[^>]*>(.*?)</script>", re.DOTALL | re.IGNORECASE)


def pages(frontend_dir: Path) -> Blueprint:
    """A blueprint with `/`, the files of the folder and what its folders hold.

    Only names that are there at start get an address (and `vendor/`, which may be built later): every other
    address stays the API's, with its own 404 and 405.
    """
    blueprint = Blueprint("pages", __name__)
    index = frontend_dir / "index.html"
    if index.is_file():
        blueprint.after_request(_protect(content_security_policy(index.read_bytes())))
        blueprint.add_url_rule("/", "index", _file(frontend_dir, "index.html"))
        blueprint.add_url_rule("/chat", "chat", lambda: redirect("/"))  # a POST there is the API's
    for path in sorted(frontend_dir.iterdir()) if frontend_dir.is_dir() else ():
        if path.is_file() and path.suffix in MEDIA_TYPES:
            blueprint.add_url_rule(f"/{path.name}", _endpoint(path.name), _file(frontend_dir, path.name))
        elif path.is_dir() and not path.name.startswith(".") and path.name != "vendor":
            blueprint.add_url_rule(f"/{path.name}/<path:name>", _endpoint(path.name), _folder(path))
    blueprint.add_url_rule("/vendor/<path:name>", "vendor", _folder(frontend_dir / "vendor"))
    return blueprint


def content_security_policy(html: bytes) -> str:
    """The strictest policy that runs this page: its own inline scripts by their hash, and esm.sh.

    `connect-src` reaches servers of this machine, since the page may talk to Ollama's or LM Studio's own `/v1`.
    DOMPurify alone may turn text into markup: it does so in a document of its own where nothing runs.
    """
    hashes = (hashlib.sha256(script.replace(b"\r\n", b"\n")).digest() for script in _INLINE_SCRIPT.findall(html))
    inline = " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in hashes)
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src 'self' https://esm.sh {inline}".rstrip(),
            "style-src 'self'",
            "img-src 'self' data: blob:",
            "connect-src 'self' http://127.0.0.1:* http://localhost:*",
            "manifest-src 'self'",
            "worker-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types dompurify",
        )
    )


def _protect(policy: str) -> Callable[[Response], Response]:
    def add_headers(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = policy
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
        response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        response.headers["Cache-Control"] = "no-cache"
        return response

    return add_headers


def _endpoint(name: str) -> str:
    return name.replace(".", "_")


def _file(folder: Path, name: str) -> Callable[[], Response]:
    return lambda: _send(folder, name)


def _folder(folder: Path) -> Callable[[str], Response]:
    return lambda name: _send(folder, name)


def _send(folder: Path, name: str) -> Response:
    joined = safe_join(str(folder), name)
    media_type = MEDIA_TYPES.get(Path(name).suffix)
    if joined is None or media_type is None or not Path(joined).is_file():
        abort(404)
    response = Response(Path(joined).read_bytes(), mimetype=media_type)
    response.add_etag()
    return cast(Response, response.make_conditional(request))
