"""Which Host and Origin may ask what: every spelling of the corpus on every kind of route."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.security.conftest import Pair
from tests.security.wire import Reply, one

CASES: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent.parent / "corpus" / "http_origins.json").read_text(encoding="utf-8")
)
CHAT = b'{"prompt":"Hi"}'
# Route: what a welcome caller gets.
ROUTES = {
    "GET /": 200,
    "GET /presets.json": 200,
    "GET /v1/models": 200,
    "POST /chat": 200,
    "GET /stats": 200,
    "GET /health": 200,
    "GET /no/such/address": 404,
    "DELETE /chat": 405,
}
PAGES = ("GET /", "GET /presets.json")
REFUSALS = {
    "host": (403, "host_not_allowed"),
    "origin": (403, "origin_not_allowed"),
    "broken": (400, "invalid_http"),
}


def ask(port: int, route: str, case: dict[str, Any]) -> Reply:
    method, path = route.split(" ")
    host = case.get("host", "localhost:{port}")
    lines = [f"{method} {case.get('target', '')}{path} HTTP/1.1"]
    if host is not None:
        lines.append(f"Host: {host}")
    lines += [f"{name}: {value}" for name, value in case.get("headers", [])]
    body = CHAT if method == "POST" else b""
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    head = "\r\n".join([*lines, "", ""]).replace("{port}", str(port))
    return one(port, head.encode("latin-1") + body)


def test_the_corpus_is_large_and_its_labels_are_unique() -> None:
    assert len(CASES) >= 60
    assert len({case["label"] for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=[case["label"] for case in CASES])
def test_every_spelling_of_host_and_origin_gets_its_verdict_on_every_route(pair: Pair, case: dict[str, Any]) -> None:
    _, gateway = pair

    for route, welcome in ROUTES.items():
        reply = ask(gateway.port, route, case)

        verdict = case["verdict"]
        if verdict == "page":
            verdict = "open" if route in PAGES else "origin"
        if verdict == "open":
            assert reply.status == welcome, route
        else:
            assert (reply.status, reply.error["code"]) == REFUSALS[verdict], route
        origins = [value for name, value in case.get("headers", []) if name == "Origin"]
        is_welcome_page = verdict == "open" and bool(origins)
        needs_leave = is_welcome_page and not case.get("is_same_origin")  # a browser asks for none for its own site
        allowed = origins[0].replace("{port}", str(gateway.port)) if needs_leave else None
        assert reply.headers.get("access-control-allow-origin") == allowed, route
        assert needs_leave or not any(name.startswith("access-control-") for name in reply.headers), route


@pytest.mark.parametrize(
    "headers",
    [
        "authorization",
        "content-type,authorization",
        "Content-Type, X-Stainless-OS, X-Stainless-Retry-Count, openai-beta",
        "x-odd!#$%&'*+-.^_`|~9",
        "x-a" + ",x-a" * 200,
        ",,x-one,,",
    ],
)
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/chat", "/models", "/stats", "/health"])
def test_a_preflight_of_an_allowed_page_gets_the_headers_it_asks_for(pair: Pair, path: str, headers: str) -> None:
    _, gateway = pair

    reply = preflight(gateway.port, path, "http://localhost:3000", headers)

    assert reply.status == 200
    assert reply.headers["access-control-allow-origin"] == "http://localhost:3000"
    assert "POST" in reply.headers["access-control-allow-methods"]
    assert names(headers) <= names(reply.headers["access-control-allow-headers"])
    assert reply.headers.get("access-control-allow-credentials") is None
    assert reply.headers.get("access-control-allow-private-network") in (None, "false")


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "", "http://1:{port}", "HTTP://localhost:3000"])
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/chat", "/", "/no/such/address"])
def test_a_preflight_of_a_foreign_page_is_refused_without_a_cors_header(pair: Pair, path: str, origin: str) -> None:
    _, gateway = pair

    reply = preflight(gateway.port, path, origin.replace("{port}", str(gateway.port)), "content-type")

    assert (reply.status, reply.error["code"]) == (403, "origin_not_allowed")
    assert not [name for name in reply.headers if name.startswith("access-control-")]


def test_errors_are_readable_by_the_pages_that_may_call(pair: Pair) -> None:
    _, gateway = pair

    found = gateway.post("/v1/chat/completions", {"messages": 5}, headers={"Origin": "https://notes.example"})

    assert found.status_code == 400
    assert found.headers["access-control-allow-origin"] == "https://notes.example"
    assert "x-request-id" in found.headers["access-control-expose-headers"].lower()


def preflight(port: int, path: str, origin: str, headers: str) -> Reply:
    return one(
        port,
        (
            f"OPTIONS {path} HTTP/1.1\r\nHost: localhost:{port}\r\nOrigin: {origin}\r\n"
            f"Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: {headers}\r\n"
            "Access-Control-Request-Private-Network: true\r\n\r\n"
        ).encode("latin-1"),
    )


def names(header: str) -> set[str]:
    return {name.strip().lower() for name in header.split(",") if name.strip()}


def test_the_log_says_once_how_to_let_a_page_in(pair: Pair) -> None:
    """A browser shows neither the page nor its author why it was refused."""
    _, gateway = pair

    for _ in range(3):
        assert gateway.get("/models", headers={"Origin": "http://localhost:5500"}).status_code == 403

    assert gateway.log.count("set CORS_ORIGINS=http://localhost:5500 in .env") == 1
