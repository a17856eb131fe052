"""The fake backend must be right itself: it is what the other tests lean on."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator

import pytest
import requests

from tests.fake_backend import (
    FAULTS,
    Bytes,
    Chunks,
    FakeBackend,
    FakeModel,
    Fin,
    Hang,
    Head,
    Pause,
    RawBytes,
    Reset,
    Status,
    Step,
    UntilClientLeaves,
    WaitFor,
)

CHAT = {"model": "llama3.2:latest", "messages": [{"role": "user", "content": "Hi"}]}


@pytest.fixture
def fake() -> Iterator[FakeBackend]:
    with FakeBackend("ollama") as fake:
        yield fake


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        yield session


def exchange(fake: FakeBackend, request: bytes) -> bytes:
    """Everything that comes back until the server closes; an RST counts as the end."""
    with socket.create_connection(("127.0.0.1", fake.port), 5) as line:
        line.sendall(request)
        return read_all(line)


def read_all(line: socket.socket) -> bytes:
    parts = []
    try:
        while part := line.recv(65536):
            parts.append(part)
    except ConnectionResetError:
        parts.append(b"<RST>")
    return b"".join(parts)


def post(path: str, body: object, *headers: str) -> bytes:
    data = json.dumps(body).encode()
    lines = [f"POST {path} HTTP/1.1", "Host: fake", f"Content-Length: {len(data)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + data


def test_an_ollama_chat_streams_lines_that_end_with_done(fake: FakeBackend, session: requests.Session) -> None:
    answer = session.post(f"{fake.url}/api/chat", json=CHAT, timeout=5)

    lines = [json.loads(line) for line in answer.iter_lines()]
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert answer.headers["transfer-encoding"] == "chunked"
    assert "".join(line["message"]["content"] for line in lines) == "".join(fake.fake.tokens)
    assert [line["done"] for line in lines] == [False] * (len(lines) - 1) + [True]
    assert lines[-1]["eval_count"] == len(lines) - 1


def test_an_ollama_chat_without_a_stream_is_one_object(fake: FakeBackend, session: requests.Session) -> None:
    answer = session.post(f"{fake.url}/api/chat", json={**CHAT, "stream": False}, timeout=5).json()

    assert answer["done"] is True
    assert answer["message"]["content"] == "".join(fake.fake.tokens)


@pytest.mark.parametrize("kind", ["lmstudio", "openai"])
def test_an_openai_stream_has_one_finish_a_usage_chunk_if_asked_and_done(kind: str, session: requests.Session) -> None:
    with FakeBackend(kind, ["m"]) as fake:
        body = {**CHAT, "model": "m", "stream": True, "stream_options": {"include_usage": True}}
        answer = session.post(f"{fake.url}/v1/chat/completions", json=body, timeout=5)

    events = [event.removeprefix("data: ") for event in answer.text.split("\n\n") if event]
    chunks = [json.loads(event) for event in events[:-1]]
    assert events[-1] == "[DONE]"
    assert [c["choices"][0]["finish_reason"] for c in chunks if c["choices"]].count("stop") == 1
    assert [c["usage"]["completion_tokens"] for c in chunks if not c["choices"]] == [len(fake.fake.tokens)]


def test_unknown_paths_answer_as_each_server_does(session: requests.Session) -> None:
    said = {}
    for kind in ("ollama", "lmstudio", "openai"):
        with FakeBackend(kind) as fake:
            answer = session.get(f"{fake.url}/nowhere", timeout=5)
            said[kind] = answer.status_code, answer.text

    assert said["ollama"] == (404, "404 page not found")
    assert said["lmstudio"] == (200, '{"error": "Unexpected endpoint or method. (GET /nowhere)"}')
    assert said["openai"][0] == 404


def test_listings_show_the_models_and_which_are_loaded(session: requests.Session) -> None:
    models = [FakeModel("a:latest", is_loaded=True), FakeModel("b:1b")]
    with FakeBackend("ollama", models) as fake:
        tags = session.get(f"{fake.url}/api/tags", timeout=5).json()["models"]
        running = session.get(f"{fake.url}/api/ps", timeout=5).json()["models"]

    assert [tag["name"] for tag in tags] == ["a:latest", "b:1b"]
    assert [model["name"] for model in running] == ["a:latest"]


def test_a_script_is_sent_verbatim_and_only_once(fake: FakeBackend) -> None:
    fake.script("/api/chat", Head(418, {"x-a": "b"}), Bytes(b"one"), Chunks([b"two", b"3"]), RawBytes(b"!"), Fin())

    first = exchange(fake, post("/api/chat", CHAT))
    second = exchange(fake, post("/api/chat", CHAT, "Connection: close"))

    head, _, body = first.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 418 ")
    assert b"x-a: b" in head
    assert body == b"3\r\none\r\n3\r\ntwo\r\n1\r\n3\r\n!"
    assert second.startswith(b"HTTP/1.1 200 ")
    assert second.endswith(b"\r\n0\r\n\r\n")


def test_a_body_without_chunks_ends_with_the_connection(fake: FakeBackend) -> None:
    fake.script("/", Head(200, {}, chunked=False), Bytes(b"as it is"))

    answer = exchange(fake, b"GET / HTTP/1.1\r\nHost: fake\r\n\r\n")

    assert answer.endswith(b"connection: close\r\n\r\nas it is")


def test_raw_bytes_need_no_head(fake: FakeBackend) -> None:
    fake.script("/", RawBytes(b"SSH-2.0-nonsense\r\n"), Fin())

    assert exchange(fake, b"GET / HTTP/1.1\r\nHost: fake\r\n\r\n") == b"SSH-2.0-nonsense\r\n"


def test_a_standing_script_answers_until_it_is_taken_away(fake: FakeBackend, session: requests.Session) -> None:
    fake.always("/api/tags", Status(500, body={"error": "no"}))
    fake.script("/api/tags", Status(503))
    codes = [session.get(f"{fake.url}/api/tags", timeout=5).status_code for _ in range(3)]
    fake.always("/api/tags")

    assert codes == [503, 500, 500]
    assert session.get(f"{fake.url}/api/tags", timeout=5).status_code == 200


def test_a_reset_reaches_the_client_as_an_rst_after_the_bytes(fake: FakeBackend) -> None:
    fake.script("/api/chat", Bytes(b"some"), Reset())

    answer = exchange(fake, post("/api/chat", CHAT))

    assert answer.endswith(b"4\r\nsome\r\n<RST>")


@pytest.mark.parametrize("silence", [UntilClientLeaves(), Hang(), Pause(60), WaitFor(threading.Event())])
def test_it_notices_at_once_that_the_client_left(fake: FakeBackend, silence: Step) -> None:
    fake.script("/api/chat", Bytes(b"x"), silence)
    line = socket.create_connection(("127.0.0.1", fake.port), 5)
    line.sendall(post("/api/chat", CHAT))
    request = fake.wait_request(1)
    assert line.recv(65536)

    left_at = time.monotonic()
    line.close()

    assert request.wait_closed(5)
    assert request.closed_at is not None
    assert request.closed_at >= left_at
    assert request.finished_at is None


def test_a_client_that_read_all_did_not_leave_early(fake: FakeBackend) -> None:
    exchange(fake, post("/api/chat", CHAT, "Connection: close"))

    request = fake.wait_request(1)
    assert request.wait_finished(5)
    assert not request.wait_closed(0)


def test_it_waits_for_the_test(fake: FakeBackend) -> None:
    go = threading.Event()
    fake.script("/api/chat", Bytes(b"x"), WaitFor(go), Bytes(b"y"), Fin())
    with socket.create_connection(("127.0.0.1", fake.port), 5) as line:
        line.sendall(post("/api/chat", CHAT))
        before = b""
        while not before.endswith(b"x\r\n"):
            before += line.recv(65536)
        go.set()
        after = read_all(line)

    assert after == b"1\r\ny\r\n"


def test_it_stops_sending_when_the_client_stops_reading(fake: FakeBackend) -> None:
    fake.script("/api/chat", Chunks([b"x" * 65536] * 1000))
    with socket.create_connection(("127.0.0.1", fake.port), 5) as line:
        line.sendall(post("/api/chat", CHAT))
        request = fake.wait_request(1)
        assert not request.wait_finished(0.2)

        assert request.sent < 1000 * 65536


def test_requests_are_recorded_on_one_kept_connection(fake: FakeBackend, session: requests.Session) -> None:
    before = time.monotonic()
    session.get(f"{fake.url}/api/version?x=1", timeout=5)
    session.post(f"{fake.url}/api/chat", json=CHAT, headers={"X-Test": "yes"}, timeout=5)

    first, second = fake.wait_request(1), fake.wait_request(1, path="/api/chat")
    assert (first.method, first.path, first.query) == ("GET", "/api/version", "x=1")
    assert (second.json, second.headers["x-test"]) == (CHAT, "yes")
    assert before <= first.received_at <= second.received_at
    assert fake.connections == 1


def test_a_chunked_request_is_read(fake: FakeBackend, session: requests.Session) -> None:
    answer = session.post(f"{fake.url}/api/chat", data=iter([json.dumps(CHAT).encode()]), timeout=5)

    assert answer.status_code == 200
    assert fake.requests[0].json == CHAT


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost : a\r\n\r\n",
        b"nonsense\r\nHost: a\r\n\r\n",
    ],
)
def test_a_bad_request_is_refused(fake: FakeBackend, request_bytes: bytes) -> None:
    assert exchange(fake, request_bytes).startswith(b"HTTP/1.1 400 ")


def test_it_dies_and_comes_back_on_the_same_port(fake: FakeBackend) -> None:
    fake.script("/api/chat", Bytes(b"x"), Hang())
    with socket.create_connection(("127.0.0.1", fake.port), 5) as line:
        line.sendall(post("/api/chat", CHAT))
        fake.wait_request(1)
        port = fake.port
        fake.stop()
        read_all(line)

    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), 5)
    fake.start()
    assert fake.port == port
    assert exchange(fake, b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").endswith(b"Ollama is running")


def test_it_says_which_request_did_not_come(fake: FakeBackend) -> None:
    with pytest.raises(TimeoutError, match="request 1 to /api/chat"):
        fake.wait_request(1, timeout=0.01, path="/api/chat")


@pytest.mark.parametrize("name", FAULTS)
def test_a_seeded_fault_goes_wrong_in_the_same_place_each_time(fake: FakeBackend, name: str) -> None:
    good = b"".join(fake.events("/api/chat"))
    for seed in range(6):
        answers = []
        for _ in range(2):
            fake.fault("/api/chat", name, seed)
            with socket.create_connection(("127.0.0.1", fake.port), 5) as line:
                line.sendall(post("/api/chat", CHAT, "Connection: close"))
                if name == "hang":
                    line.settimeout(0.05)
                    with pytest.raises(TimeoutError):
                        read_all(line)
                    continue
                answers.append(read_all(line))
        if name == "hang":
            continue
        assert answers[0] == answers[1]
        is_whole = answers[0].endswith(b"0\r\n\r\n") and unchunked(answers[0]) == good
        assert is_whole == (name in ("ok", "slow", "slicer") or (name == "flaky" and b" 200 OK" in answers[0]))


def test_flaky_is_sometimes_good_and_sometimes_not(fake: FakeBackend) -> None:
    codes = set()
    for seed in range(12):
        fake.fault("/api/chat", "flaky", seed)
        codes.add(exchange(fake, post("/api/chat", CHAT, "Connection: close"))[9:12] == b"200")

    assert codes == {True, False}


def unchunked(answer: bytes) -> bytes:
    body, parts = answer.partition(b"\r\n\r\n")[2], []
    while body:
        size, _, body = body.partition(b"\r\n")
        parts.append(body[: int(size, 16)])
        body = body[int(size, 16) + 2 :]
    return b"".join(parts)


def test_two_hundred_answers_wait_for_one_event() -> None:
    go = threading.Event()
    with FakeBackend("openai", ["m"]) as fake:
        fake.always("/", Bytes(b"x"), WaitFor(go), Bytes(b"y"))
        lines = [socket.create_connection(("127.0.0.1", fake.port), 5) for _ in range(200)]
        for line in lines:
            line.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        fake.wait_request(200)
        go.set()
        assert all(read_all(line) for line in lines)
        for line in lines:
            line.close()
        fake.wait_connections(0)
