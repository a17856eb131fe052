"""The page's files as they leave the gateway: types, policy, and nothing but the page."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from backend.routes.pages import content_security_policy, pages

FRONTEND = Path(__file__).resolve().parents[2] / "frontend"


def client_of(folder: Path) -> FlaskClient:
    app = Flask("test", static_folder=None)
    app.url_map.merge_slashes = False
    app.register_blueprint(pages(folder))
    return app.test_client()


@pytest.fixture
def client() -> FlaskClient:
    return client_of(FRONTEND)


@pytest.mark.parametrize(
    ("path", "content_type"),
    [
        ("/", "text/html; charset=utf-8"),
        ("/index.html", "text/html; charset=utf-8"),
        ("/app.js", "text/javascript; charset=utf-8"),
        ("/views/app.js", "text/javascript; charset=utf-8"),
        ("/styles/base.css", "text/css; charset=utf-8"),
        ("/i18n/fr.json", "application/json"),
        ("/presets.json", "application/json"),
        ("/favicon.svg", "image/svg+xml; charset=utf-8"),
    ],
)
def test_every_file_has_its_type_and_the_protecting_headers(client: FlaskClient, path: str, content_type: str) -> None:
    answer = client.get(path)

    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == content_type
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cache-Control"] == "no-cache"
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]


def test_an_unchanged_file_is_not_sent_twice(client: FlaskClient) -> None:
    first = client.get("/app.js")

    again = client.get("/app.js", headers={"If-None-Match": first.headers["ETag"]})

    assert again.status_code == 304
    assert again.data == b""


@pytest.mark.parametrize(
    "path",
    [
        "/views/../../.env",
        "/views/..%2f..%2f.env",
        "/views/%2e%2e/%2e%2e/requirements.txt",
        "/vendor/../index.html",
        "/views/..\\..\\backend\\app.py",
        "/views//etc/passwd",
        "/views/",
        "/views/answer",
        "/backend/app.py",
        "/.env",
        "/nothing.js",
    ],
)
def test_what_is_not_the_page_is_not_found(client: FlaskClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_addresses_of_the_api_stay_free(client: FlaskClient) -> None:
    taken = {str(rule) for rule in client.application.url_map.iter_rules()}

    assert not any(rule.startswith(("/v1", "/models", "/chat/", "/stats", "/health", "/<")) for rule in taken)


def test_somebody_who_types_the_address_of_the_chat_comes_to_the_page(client: FlaskClient) -> None:
    assert client.get("/chat").headers["Location"] == "/"
    assert client.post("/chat").status_code == 405


def test_a_library_built_after_the_start_is_served(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("<!doctype html>")
    client = client_of(tmp_path)
    assert client.get("/vendor/langchain.js").status_code == 404

    (tmp_path / "vendor").mkdir()
    (tmp_path / "vendor" / "langchain.js").write_text("export {}")

    assert client.get("/vendor/langchain.js").data == b"export {}"


def test_the_policy_allows_the_inline_scripts_by_their_hashes_and_no_others() -> None:
    html = b'<script type="importmap">{}</script><script src="a.js"></script>\r\n<script>\r\nlet a\r\n</script>'

    policy = content_security_policy(html)

    # A browser hashes what it has parsed, and it parses CR LF as LF.
    assert re.findall(r"'sha256-([^']+)'", policy) == [
        base64.b64encode(hashlib.sha256(script).digest()).decode() for script in (b"{}", b"\nlet a\n")
    ]
    assert "unsafe" not in policy
    assert policy.startswith("default-src 'none'; script-src 'self' https://esm.sh 'sha256-")
