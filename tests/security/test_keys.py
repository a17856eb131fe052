"""Who gets in where keys are wanted: one verdict a key, on every route."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest

from tests.fake_backend import FakeBackend
from tests.running_gateway import ROOT, RunningGateway, free_port
from tests.security.conftest import KEY, OTHER_KEY, Pair
from tests.security.wire import Reply, one, request

CHAT = b'{"prompt":"Hi","input":"Hi","messages":[{"role":"user","content":"Hi"}]}'
ROUTES = (
    *(("POST", f"/v1{path}") for path in ("/chat/completions", "/completions", "/embeddings", "/messages")),
    *(("POST", path) for path in ("/chat/completions", "/completions", "/embeddings", "/chat")),
    ("GET", "/v1/models"),
    ("GET", "/v1/models/llama3.2:latest"),
    ("GET", "/models"),
    ("GET", "/models/llama3.2:latest"),
    ("GET", "/stats"),
    ("GET", "/stats?model=llama3.2:latest"),
)
CLOSED_TOO = (
    ("GET", "/no/such/address"),
    ("DELETE", "/chat"),
    ("POST", "/v1/models"),
    ("GET", "/health/"),
    ("POST", "/models/load"),
    ("POST", "/models/unload"),
    ("DELETE", "/models/llama3.2"),
)
OPEN = ("/", "/presets.json", "/app.js", "/health")
LONG = "a" * 7000
B = "Authorization"
X = "X-Api-Key"
CASES: dict[str, tuple[dict[str, str], int]] = {
    "right": ({B: f"Bearer {KEY}"}, 200),
    "the other right one": ({B: f"Bearer {OTHER_KEY}"}, 200),
    "right, scheme in lower case": ({B: f"bearer {KEY}"}, 200),
    "right, as Anthropic's clients send it": ({X: KEY}, 200),
    "right, in both places": ({B: f"Bearer {KEY}", X: KEY}, 200),
    "right, beside an empty one": ({B: f"Bearer {KEY}", X: ""}, 200),
    "right, beside another scheme": ({B: "Basic dXNlcjp3b3Jk", X: KEY}, 200),
    "none": ({}, 401),
    "empty": ({B: "Bearer "}, 401),
    "the scheme alone": ({B: "Bearer"}, 401),
    "nothing": ({B: ""}, 401),
    "empty in the other place": ({X: ""}, 401),
    "without a scheme": ({B: KEY}, 401),
    "another scheme": ({B: f"Basic {KEY}"}, 401),
    "Token": ({B: f"Token {KEY}"}, 401),
    "wrong": ({B: "Bearer key-that-is-wrong-0123456789"}, 401),
    "wrong in the other place": ({X: "key-that-is-wrong-0123456789"}, 401),
    "a prefix": ({B: f"Bearer {KEY[:-1]}"}, 401),
    "one letter more": ({B: f"Bearer {KEY}x"}, 401),
    "another case": ({B: f"Bearer {KEY.upper()}"}, 401),
    "quoted": ({B: f'Bearer "{KEY}"'}, 401),
    "both keys as a list": ({B: f"Bearer {KEY},{OTHER_KEY}"}, 401),
    "both keys, two words": ({B: f"Bearer {KEY} {OTHER_KEY}"}, 401),
    "the setting itself": ({X: f"{KEY},{OTHER_KEY}"}, 401),
    "SQL": ({B: "Bearer ' OR '1'='1' --"}, 401),
    "SQL in one word": ({B: "Bearer 'OR/**/1=1--"}, 401),
    "a format string": ({B: "Bearer %s%n{0.__class__}"}, 401),
    "CRLF, percent-encoded": ({B: f"Bearer {KEY}%0d%0aX-Api-Key:%20x"}, 401),
    "beyond ASCII": ({B: "Bearer cl\u00e9-cl\u00e9-cl\u00e9-cl\u00e9-cl\u00e9"}, 401),
    "long": ({B: f"Bearer {LONG}"}, 401),
    "two different right ones": ({B: f"Bearer {KEY}", X: OTHER_KEY}, 200),
    "right and wrong": ({B: f"Bearer {KEY}", X: "key-that-is-wrong-0123456789"}, 200),
    "wrong and right": ({B: "Bearer key-that-is-wrong-0123456789", X: KEY}, 200),
    "right and nonsense": ({B: f"Bearer {KEY}", X: "no key at all"}, 200),
    "right and long": ({B: f"Bearer {KEY}", X: LONG}, 200),
    "two different wrong ones": (
        {B: "Bearer key-that-is-wrong-0123456789", X: "another-that-is-wrong-0123456789"},
        401,
    ),
    "a cookie": ({"Cookie": f"key={KEY}; Authorization=Bearer {KEY}"}, 401),
    "Azure's header": ({"Api-Key": KEY}, 401),
    "a header with an underscore": ({"X_Api_Key": KEY}, 401),
    "a proxy's header": ({"Proxy-Authorization": f"Bearer {KEY}"}, 401),
}


def ask(port: int, method: str, path: str, headers: dict[str, str]) -> Reply:
    body = CHAT if method == "POST" else None
    return one(port, request(method, path, {"Content-Type": "application/json", **headers}, body))


def generations(fake: FakeBackend) -> int:
    return sum(asked.method == "POST" for asked in list(fake.requests))


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_key_gets_the_same_verdict_on_every_route(locked: Pair, case: tuple[dict[str, str], int]) -> None:
    headers, status = case
    fake, gateway = locked
    before = generations(fake)

    for method, path in ROUTES:
        reply = ask(gateway.port, method, path, headers)

        assert reply.status == status, path
        if status == 401:
            assert reply.headers["www-authenticate"] == "Bearer"
            assert reply.code == "invalid_api_key"
            assert reply.headers["x-should-retry"] == "false"
        if status != 200:
            assert KEY not in reply.body.decode()
    assert status == 200 or generations(fake) == before


def test_without_a_key_nobody_learns_which_addresses_there_are(locked: Pair) -> None:
    for method, path in (*ROUTES, *CLOSED_TOO):
        assert ask(locked[1].port, method, path, {}).status == 401, path


@pytest.mark.parametrize("name", [B, X])
def test_a_key_of_ten_kilobytes_is_refused_with_its_header(locked: Pair, name: str) -> None:
    for method, path in (*ROUTES, ("GET", "/")):
        reply = ask(locked[1].port, method, path, {name: "Bearer " + "a" * 10_240})

        assert (reply.status, reply.error["code"]) == (431, "invalid_http")


@pytest.mark.parametrize("query", ["key", "api_key", "api-key", "access_token", "Authorization", "x-api-key"])
def test_a_key_in_the_address_opens_nothing(locked: Pair, query: str) -> None:
    for method, path in ROUTES:
        sign = "&" if "?" in path else "?"

        assert ask(locked[1].port, method, f"{path}{sign}{query}={KEY}", {}).status == 401, path


def test_a_key_in_the_body_opens_nothing(locked: Pair) -> None:
    body = CHAT[:-1] + f',"api_key":"{KEY}","authorization":"Bearer {KEY}"}}'.encode()

    for method, path in ROUTES:
        if method == "POST":
            headers = {"Content-Type": "application/json"}
            assert one(locked[1].port, request(method, path, headers, body)).status == 401, path


@pytest.mark.parametrize("path", OPEN)
@pytest.mark.parametrize("headers", [{}, {B: "Bearer wrong-wrong-wrong-wrong"}, {B: f"Bearer {KEY}", X: "other"}])
def test_the_page_and_health_are_open(locked: Pair, path: str, headers: dict[str, str]) -> None:
    assert ask(locked[1].port, "GET", path, headers).status == 200


def test_health_shows_addresses_only_to_those_with_a_key(locked: Pair) -> None:
    fake, gateway = locked
    stranger = gateway.get("/health")
    wrong = gateway.get("/health", headers={B: "Bearer wrong-wrong-wrong-wrong"})
    friend = gateway.get("/health", headers={B: f"Bearer {KEY}"})

    assert stranger.json().keys() == wrong.json().keys() == {"ok", "version"}
    assert str(fake.port) not in stranger.text + wrong.text
    assert friend.json()["backend"]["url"] == fake.url + "/v1"


def test_a_preflight_needs_no_key_since_browsers_send_none(locked: Pair) -> None:
    headers = {"Origin": f"http://localhost:{locked[1].port}", "Access-Control-Request-Method": "POST"}

    for _, path in ROUTES:
        assert ask(locked[1].port, "OPTIONS", path, headers).status == 200, path


def serve(**settings: Any) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "PORT": str(free_port()), **settings}
    return subprocess.run(
        [sys.executable, "-m", "backend", "serve"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=20,
    )


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "gpu.lab.example"])
def test_it_does_not_start_for_others_without_a_key(host: str) -> None:
    ended = serve(HOST=host)

    assert ended.returncode != 0
    assert "API_KEYS must hold a key" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert ended.stdout == ""


def test_a_short_key_is_refused_without_being_shown() -> None:
    ended = serve(API_KEYS="hunter2")

    assert ended.returncode != 0
    assert "API_KEYS wants keys of 16 to 512 characters" in ended.stderr
    assert "hunter2" not in ended.stderr


def test_it_starts_for_others_with_a_key_and_still_checks_names() -> None:
    with (
        FakeBackend("openai") as fake,
        RunningGateway(BACKEND="openai", OPENAI_URL=fake.url + "/v1", HOST="0.0.0.0", API_KEYS=KEY) as gateway,
    ):
        assert ask(gateway.port, "GET", "/v1/models", {}).status == 401
        assert ask(gateway.port, "GET", "/v1/models", {B: f"Bearer {KEY}"}).status == 200
        rebound = one(gateway.port, request(headers={B: f"Bearer {KEY}"}, host="evil.example"))
        every = one(gateway.port, request(headers={B: f"Bearer {KEY}"}, host=f"0.0.0.0:{gateway.port}"))
        assert [rebound.error["code"], every.error["code"]] == ["host_not_allowed"] * 2


def test_a_method_that_an_address_does_not_take_is_told_which_it_takes(pair: Pair) -> None:
    _, gateway = pair

    answer = gateway.get("/v1/chat/completions")

    assert answer.status_code == 405
    assert "POST" in answer.headers["Allow"]
