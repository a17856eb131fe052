"""Each event reaches the client at once, a slow client stops our reading, silence shows signs of life."""

from __future__ import annotations

import json
import threading

import psutil
import pytest

from tests.fake_backend import Bytes, End, FakeBackend, Head, Step, WaitFor
from tests.gateway.wire import CHAT, Wire, chat_body, events, text_of, wait_until
from tests.running_gateway import RunningGateway

pytestmark = pytest.mark.usefixtures("each_path")
Pair = tuple[FakeBackend, RunningGateway]
SSE, NDJSON = "text/event-stream", "application/x-ndjson"


@pytest.mark.parametrize(
    ("kind", "path", "upstream", "content_type", "body"),
    [
        ("openai", CHAT, CHAT, SSE, chat_body(stream=True)),
        ("openai", "/v1/completions", "/v1/completions", SSE, {"prompt": "Hello", "stream": True}),
        ("openai", "/chat", CHAT, SSE, {"prompt": "Hello", "stream": True}),
        ("ollama", CHAT, "/api/chat", NDJSON, chat_body(stream=True)),
        ("ollama", "/v1/completions", "/api/generate", NDJSON, {"prompt": "Hello", "stream": True}),
        ("ollama", "/chat", "/api/chat", NDJSON, {"prompt": "Hello", "stream": True}),
    ],
)
def test_the_backend_goes_on_only_when_the_client_has_its_token(
    openai_pair: Pair,
    ollama_pair: Pair,
    kind: str,
    path: str,
    upstream: str,
    content_type: str,
    body: dict[str, object],
) -> None:
    """A gateway that held anything back would stop both sides for ever."""
    fake, gateway = openai_pair if kind == "openai" else ollama_pair
    seen = [threading.Event() for _ in fake.fake.tokens]
    tokens = iter([*fake.fake.tokens])
    steps: list[Step] = [Head(200, {"content-type": content_type})]
    gates = iter(seen)
    waiting = next(tokens)
    for event in fake.events(upstream):
        steps.append(Bytes(event))
        if json.dumps(waiting, ensure_ascii=False).encode() in event or json.dumps(waiting).encode() in event:
            steps.append(WaitFor(next(gates)))
            waiting = next(tokens, "\0none")
    fake.script(upstream, *steps, End())
    wire = Wire(gateway)
    wire.ask(path, body)

    for token, gate in zip(fake.fake.tokens, seen, strict=True):
        wanted = json.dumps(token).encode(), json.dumps(token, ensure_ascii=False).encode()
        line = wire.line()
        while not any(word in line for word in wanted):
            assert line, f"the stream ended before {token!r}"
            line = wire.line()
        gate.set()

    assert b"error" not in wire.rest()
    wire.close()


def test_a_backend_that_takes_its_time_does_not_look_like_a_dead_line(openai_pair: Pair) -> None:
    fake, gateway = openai_pair
    loaded = threading.Event()
    fake.script(CHAT, WaitFor(loaded), Head(200, {"content-type": SSE}), *map(Bytes, fake.events(CHAT)), End())
    wire = Wire(gateway)

    response = wire.ask(CHAT, chat_body(stream=True))
    first = wire.line()
    loaded.set()
    rest = wire.rest()

    assert response.status == 200
    assert first == b": keep-alive"
    assert text_of(rest) == "".join(fake.fake.tokens)
    wire.close()


def test_a_failure_after_signs_of_life_is_told_in_the_stream(openai_pair: Pair) -> None:
    fake, gateway = openai_pair
    failed = threading.Event()
    fake.script(CHAT, WaitFor(failed))
    wire = Wire(gateway)
    wire.ask(CHAT, chat_body(stream=True))
    assert wire.line() == b": keep-alive"

    failed.set()
    rest = wire.rest()

    assert "error" in events(rest)[-1]
    wire.close()


def test_a_client_that_does_not_read_stops_the_backend_and_costs_no_memory(openai_pair: Pair) -> None:
    fake, gateway = openai_pair
    first, token, *last = fake.events(CHAT)
    big = token.replace(b"Hello", b"x" * 60_000)
    count = 1000
    fake.script(CHAT, Head(200, {"content-type": SSE}), Bytes(first), *[Bytes(big)] * count, *map(Bytes, last), End())
    worker = psutil.Process(gateway.process.pid).children()[0]
    wire = Wire(gateway)
    wire.ask(CHAT, chat_body(stream=True))
    request = fake.requests_to(CHAT)[-1]
    before = worker.memory_info().rss

    is_over = request.wait_finished(0.7)  # it cannot: 60 MB do not fit into the buffers between us
    grown = worker.memory_info().rss - before
    body = wire.rest()

    assert not is_over
    assert grown < 4 * 1024 * 1024
    assert body.count(b"x" * 60_000) == count
    assert events(body)[-1] == "[DONE]"
    wire.close()


def test_one_slow_reader_does_not_hold_up_the_others(openai_pair: Pair) -> None:
    fake, gateway = openai_pair
    first, token, *_ = fake.events(CHAT)
    fake.script(
        CHAT, Head(200, {"content-type": SSE}), Bytes(first), *[Bytes(token.replace(b"Hello", b"x" * 60_000))] * 500
    )
    slow = Wire(gateway)
    slow.ask(CHAT, chat_body(stream=True))

    answers = [gateway.post(CHAT, chat_body(stream=True)) for _ in range(20)]

    assert all(events(answer.content)[-1] == "[DONE]" for answer in answers)
    slow.leave()


def test_a_client_that_never_reads_the_end_is_given_up(openai_pair: Pair) -> None:
    """The backend has finished, so its silence cannot end the exchange; the client's must."""
    fake, gateway = openai_pair
    first, token, *last = fake.events(CHAT)
    huge = token.replace(b"Hello", b"x" * 7_000_000)  # one event: all of it is there before any is passed on
    fake.script(CHAT, Head(200, {"content-type": SSE}), Bytes(first), Bytes(huge + b"".join(last)), End())
    before = gateway.get("/stats").json()["totals"]["aborted"]
    wire = Wire(gateway)
    wire.ask(CHAT, chat_body(stream=True))

    wait_until(lambda: gateway.get("/stats").json()["totals"]["in_flight"] == 0)

    assert gateway.get("/stats").json()["totals"]["aborted"] == before + 1
    wire.leave()


def test_an_http_1_0_client_gets_the_bare_stream_and_its_end(openai_pair: Pair) -> None:
    fake, gateway = openai_pair
    body = json.dumps(chat_body(stream=True)).encode()
    head = b"POST /v1/chat/completions HTTP/1.0\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"

    answer = gateway.raw(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)

    head, _, stream = answer.partition(b"\r\n\r\n")
    assert b"200 OK" in head
    assert b"chunked" not in head.lower()
    assert text_of(stream) == "".join(fake.fake.tokens)


def test_a_second_request_on_the_same_connection_is_answered_after_a_stream(openai_pair: Pair) -> None:
    _, gateway = openai_pair
    wire = Wire(gateway)

    bodies = []
    for _ in range(3):
        wire.ask(CHAT, chat_body(stream=True))
        bodies.append(wire.rest())

    assert all(events(body)[-1] == "[DONE]" for body in bodies)
    wire.close()


def test_a_request_sent_before_the_first_is_answered_waits_its_turn(openai_pair: Pair) -> None:
    _, gateway = openai_pair
    body = json.dumps(chat_body(stream=True)).encode()
    request = (
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n" % len(body)
    ) + body

    answer = gateway.raw(request + request)

    assert answer.count(b"data: [DONE]") == 2
