"""The cold path: every way in which a server can fail to answer becomes a sentence that helps."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from backend.errors import BackendFailed, BackendTimeout, BackendUnavailable, GatewayError
from backend.settings import Secret
from backend.upstream import cold as http
from backend.upstream.cold import Server, ask
from tests.fake_backend import Bytes, Chunks, FakeBackend, Fin, Hang, Head, Pause, RawBytes, Reset, Status, Step

KEY = "sk-lm-0123456789abcdef"


@pytest.fixture
def fake() -> Iterator[FakeBackend]:
    with FakeBackend("ollama") as fake:
        yield fake


def server(url: str, key: str = "") -> Server:
    return Server("Ollama", url, "OLLAMA_URL", "Start it with `ollama serve`", "OLLAMA_KEY", Secret(key), 2)


def test_an_answer_comes_with_its_status_and_its_json(fake: FakeBackend) -> None:
    fake.script("/x", Status(404, body={"error": "no"}))

    answer = ask(server(fake.url), "/x")

    assert (answer.status, answer.object()) == (404, {"error": "no"})


def test_a_body_is_posted_as_json_with_our_headers_alone(fake: FakeBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NETRC", str(Path(__file__).with_name("no-such-netrc")))

    ask(server(fake.url, KEY), "/api/show", {"model": "é"})

    request = fake.wait_request(1)
    assert (request.method, request.json) == ("POST", {"model": "é"})
    assert request.headers["host"] == f"127.0.0.1:{fake.port}"
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert set(request.headers) <= {
        *("host", "authorization", "accept", "accept-encoding", "connection", "content-length", "content-type"),
        "user-agent",
    }


def test_without_a_key_no_authorization_is_sent(fake: FakeBackend) -> None:
    ask(server(fake.url), "/api/version")

    assert "authorization" not in fake.wait_request(1).headers


def test_a_server_that_is_not_there_is_named_with_what_to_do() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}"

        with pytest.raises(BackendUnavailable) as caught:
            ask(server(url), "/")

    assert caught.value.message == (
        f"Ollama does not answer at {url}. Start it with `ollama serve`, or set OLLAMA_URL in .env."
    )


@pytest.mark.parametrize(
    ("steps", "failure"),
    [
        ((Hang(),), BackendTimeout),
        ((Head(), Bytes(b'{"a":'), Hang()), BackendTimeout),
        ((Head(), Chunks([b" "] * 40, pause_s=0.02)), BackendTimeout),
        ((Head(), Bytes(b'{"a":'), Reset()), BackendFailed),
        ((Head(), Bytes(b'{"a":'), Fin()), BackendFailed),
        ((Head(headers={"content-length": "100"}), Bytes(b"{}"), Fin()), BackendFailed),
        ((Reset(),), BackendFailed),
        ((Fin(),), BackendFailed),
        ((RawBytes(b"SSH-2.0-OpenSSH\r\n"), Fin()), BackendFailed),
        ((RawBytes(b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 200 + b"\r\n"), Fin()), BackendFailed),
        ((RawBytes(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"), Fin()), BackendFailed),
        ((Head(headers={"content-encoding": "gzip"}), Bytes(b"no gzip")), BackendFailed),
        ((Pause(0.05), Fin()), BackendFailed),
    ],
)
def test_a_server_that_fails_in_any_other_way_is_told_apart(
    fake: FakeBackend, steps: tuple[Step, ...], failure: type[GatewayError]
) -> None:
    fake.script("/api/tags", *steps)

    with pytest.raises(failure) as caught:
        ask(server(fake.url, KEY), "/api/tags", timeout_s=0.3 if failure is BackendTimeout else 10)

    assert caught.value.message.startswith(f"Ollama at {fake.url} ")
    assert KEY not in repr(caught.value)


def test_an_answer_without_an_end_is_cut_off(fake: FakeBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "LARGEST_ANSWER", 1024 * 1024)
    fake.script("/api/tags", Head(), Chunks([b"[" * 65536] * 1000))

    with pytest.raises(BackendFailed, match="more than 16 MiB"):
        ask(server(fake.url), "/api/tags")

    assert fake.wait_request(1).wait_closed()
    assert fake.wait_request(1).sent < 1000 * 65536


def test_a_redirect_is_an_answer_and_is_not_followed(fake: FakeBackend) -> None:
    fake.script("/api/tags", Status(302, {"location": fake.url + "/elsewhere"}))

    assert ask(server(fake.url), "/api/tags").status == 302
    assert [request.path for request in fake.requests] == ["/api/tags"]


@pytest.mark.parametrize("body", [b"", b"[1]", b"nonsense", b'{"a": NaN}', b"[" * 100_000, b"\xff\xfe"])
def test_what_is_no_json_object_reads_as_an_empty_one(fake: FakeBackend, body: bytes) -> None:
    fake.script("/x", Status(200, body=body))

    assert ask(server(fake.url), "/x").object() == {}


@pytest.mark.parametrize(
    ("url", "host", "port", "is_tls", "path"),
    [
        ("http://127.0.0.1:11434", "127.0.0.1", 11434, False, ""),
        ("https://gpu.example/openai/v1", "gpu.example", 443, True, "/openai/v1"),
        ("http://[::1]:8000/v1", "::1", 8000, False, "/v1"),
        ("http://gpu.example", "gpu.example", 80, False, ""),
    ],
)
def test_the_hot_path_gets_the_same_address(url: str, host: str, port: int, is_tls: bool, path: str) -> None:
    endpoint = server(url, KEY).endpoint()

    assert (endpoint.host, endpoint.port, endpoint.is_tls, endpoint.base_path) == (host, port, is_tls, path)
    assert endpoint.authorization == f"Bearer {KEY}"
    assert KEY not in repr(endpoint) + repr(server(url, KEY))


def test_a_server_without_tls_behind_https_is_told_with_the_setting_to_correct(fake: FakeBackend) -> None:
    with pytest.raises(BackendFailed, match="should OLLAMA_URL start with http://") as caught:
        ask(server(fake.url.replace("http:", "https:")), "/")

    assert caught.value.code == "tls"
    assert json.dumps(caught.value.message)
