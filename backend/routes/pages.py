"""Serves the page: what lies in `frontend/`, with headers that leave injected text nothing to do. Knows no API."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

from flask import Blueprint, Response, abort, redirect, request

from backend.routes.page_files import INDEX, MEDIA_TYPES, WORKER, Content, PageFiles

ONE_PACKET = 1024
"""Smaller files are sent as they are: compressed they would fill one packet, too."""
WORKERS_POLICY = "default-src 'none'; connect-src 'self'"
_INLINE_SCRIPT = re.compile(rb"<script(?![^>]*\ssrc=)[^>]*>(.*?)</script>", re.DOTALL | re.IGNORECASE)


def pages(frontend_dir: Path) -> Blueprint:
    """A blueprint with `/`, the files of the folder and what its folders hold.

    Only names that are there at start get an address (and `vendor/`, which may be built later): every other
    address stays the API's, with its own 404 and 405.
    """
    blueprint = Blueprint("pages", __name__)
    files = PageFiles(frontend_dir)
    index = files.content("index.html")
    if index:
        blueprint.after_request(_protect(content_security_policy(index.body)))
        blueprint.add_url_rule("/", "index", _index(files))
        blueprint.add_url_rule("/chat", "chat", lambda: redirect("/"))  # a POST there is the API's
    for name in files.files:
        answer = {INDEX: _index, WORKER: _worker}.get(name, partial(_file, name))
        blueprint.add_url_rule(f"/{name}", _endpoint(name), answer(files))
    for name in files.folders:
        blueprint.add_url_rule(f"/{name}/<path:name>", _endpoint(name), _folder(files, name))
    return blueprint


def content_security_policy(html: bytes) -> str:
    """The strictest policy that runs this page: its own inline scripts by their hash, and esm.sh.

    `connect-src` reaches servers of this machine, since the page may talk to Ollama's or LM Studio's own `/v1`.
    DOMPurify alone may turn text into markup: it does so in a document of its own where nothing runs. The policy
    `passerelle` (state/page/installation.js) lets one address pass, that of the service worker.
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
            "trusted-types dompurify passerelle",
        )
    )


def _protect(policy: str) -> Callable[[Response], Response]:
    def add_headers(response: Response) -> Response:
        response.headers.setdefault("Content-Security-Policy", policy)
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
        response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        response.headers["Cache-Control"] = "no-cache"
        return response

    return add_headers


def _endpoint(name: str) -> str:
    return name.replace(".", "_")


def _index(files: PageFiles) -> Callable[[], Response]:
    return lambda: _send(files.index(), INDEX)


def _file(name: str, files: PageFiles) -> Callable[[], Response]:
    return lambda: _send(files.content(name), name)


def _folder(files: PageFiles, folder: str) -> Callable[[str], Response]:
    return lambda name: _send(files.content(f"{folder}/{name}"), name)


def _worker(files: PageFiles) -> Callable[[], Response]:
    def answer() -> Response:
        response = _send(files.worker(), WORKER)
        response.headers["Content-Security-Policy"] = WORKERS_POLICY  # it may fetch what it keeps, and nothing else
        return response

    return answer


def _send(content: Content | None, name: str) -> Response:
    """The content in the coding that the client prefers. Each coding has its own ETag, as RFC 9110 wants it."""
    if content is None:
        abort(404)
    response = Response(mimetype=MEDIA_TYPES[Path(name).suffix])
    is_gzipped = False
    if len(content.body) >= ONE_PACKET:
        response.vary.add("Accept-Encoding")
        is_gzipped = _prefers_gzip()
    response.set_etag(content.digest + ("-gzip" if is_gzipped else ""))
    response.make_conditional(request)
    if response.status_code == 200:
        if is_gzipped:
            response.content_encoding = "gzip"
        response.set_data(content.gzipped if is_gzipped else content.body)
    return response


def _prefers_gzip() -> bool:
    accepted = request.accept_encodings
    return bool(accepted["gzip"]) and accepted["gzip"] >= accepted["identity"]
