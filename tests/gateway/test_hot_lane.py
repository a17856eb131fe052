"""The hot lane answers regular requests just as Flask does, and leaves everything else unread to it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.fake_backend import Chunks, FakeBackend, Head, Pause, UntilClientLeaves
from tests.gateway.wire import Wire
from tests.running_gateway import RunningGateway
from tests.security.wire import hear, one

CHAT = "/v1/chat/completions"
KEY = "a-key-that-is-known-here"
MESSAGES = [{"role": "user", "content": "Hi"}]
REQUESTS: dict[str, tuple[str, dict[str, Any]]] = {
    "a chat": (CHAT, {"messages": MESSAGES}),
    "a stream": (CHAT, {"messages": MESSAGES, "stream": True, "stream_options": {"include_usage": True}}),
    "a chat without its v1": ("/chat/completions", {"messages": MESSAGES}),
    "a completion": ("/v1/completions", {"prompt": "Once"}),
    "a streamed completion": ("/completions", {"prompt": "Once", "stream": True}),
    "the course's": ("/chat", {"prompt": "Hi"}),
    "the course's stream": ("/chat", {"prompt": "Hi", "stream": True}),
    "Anthropic's": ("/v1/messages", {"messages": MESSAGES, "max_tokens": 9, "model": ""}),
    "Anthropic's stream": ("/v1/messages", {"messages": MESSAGES, "max_tokens": 9, "model": "", "stream": True}),
    "a wrong field": (CHAT, {"messages": 3}),
    "a wrong field, Anthropic's": ("/v1/messages", {"messages": 3}),
    "an unknown model": (CHAT, {"messages": MESSAGES, "model": "nope"}),
    "an ignored field": (CHAT, {"messages": MESSAGES, "keep_alive": 5}),
}
VOLATILE = re.compile(
    rb'"(id|created|created_at|ttft_ms|tokens_per_second|total_duration|request_id|eval_duration|prompt_eval_duration'
    rb'|context)": ?("[^"]*"|[0-9.]+|null)|req_[0-9a-f]+|msg_[0-9a-f]+|plain'
)


@pytest.fixture(scope="module")
def pair() -> Iterator[tuple[FakeBackend, RunningGateway]]:
    with (
        FakeBackend("openai") as fake,
        RunningGateway(
            BACKEND="openai",
            OPENAI_URL=fake.url + "/v1",
            API_KEYS=KEY,
            LOG_LEVEL="debug",
            MAX_BODY_MB=1,
            IDLE_TIMEOUT_S=2,
        ) as gateway,
    ):
        yield fake, gateway


def request(path: str, body: bytes, *more: str, length: int | None = None, without: str = "") -> bytes:
    lines = [
        "Host: localhost",
        f"Authorization: Bearer {KEY}",
        "Content-Type: application/json",
        f"Content-Length: {len(body) if length is None else length}",
    ]
    lines = [line for line in lines if not without or not line.startswith(without)]
    head = "\r\n".join([f"POST {path} HTTP/1.1", *lines, *more, "", ""])
    return head.encode("latin-1") + body


def regular(gateway: RunningGateway) -> int:
    """How many requests the lane has taken so far."""
    return gateway.log.count("passerelle.lane")


@pytest.mark.parametrize(("path", "body"), REQUESTS.values(), ids=REQUESTS)
def test_the_lane_and_flask_give_the_same_answer(
    pair: tuple[FakeBackend, RunningGateway], path: str, body: dict[str, Any]
) -> None:
    _, gateway = pair
    data = json.dumps(body).encode()
    before = regular(gateway)

    hot = one(gateway.port, request(path, data))
    assert regular(gateway) == before + 1
    plain = one(gateway.port, request(path, data, "X-Request-Id: plain"))
    assert regular(gateway) == before + 1

    assert hot.status == plain.status
    assert hot.headers.keys() == plain.headers.keys()
    for name in hot.headers.keys() - {"date", "x-request-id", "request-id", "content-length"}:
        assert hot.headers[name] == plain.headers[name], name
    assert VOLATILE.sub(b"", hot.body) == VOLATILE.sub(b"", plain.body)


@pytest.mark.parametrize("more", [["Authorization: Bearer wrong"], []], ids=["a wrong key", "no key"])
def test_a_key_is_refused_alike(pair: tuple[FakeBackend, RunningGateway], more: list[str]) -> None:
    _, gateway = pair
    data = json.dumps({"messages": MESSAGES}).encode()

    hot = one(gateway.port, request(CHAT, data, *more, without="Authorization"))
    plain = one(gateway.port, request(CHAT, data, *more, "X-Request-Id: plain", without="Authorization"))

    assert (hot.status, hot.headers["www-authenticate"]) == (plain.status, plain.headers["www-authenticate"])
    assert hot.headers["x-should-retry"] == plain.headers["x-should-retry"] == "false"
    assert hot.body == plain.body


IRREGULAR: dict[str, tuple[bytes, int]] = {
    "a foreign host": (request(CHAT, b"{}", "Host: evil.example", without="Host"), 403),
    "no host": (request(CHAT, b"{}", without="Host"), 403),
    "two hosts": (request(CHAT, b"{}", "Host: localhost"), 400),
    "an origin": (request(CHAT, b"{}", "Origin: http://evil.example"), 403),
    "a foreign site": (request(CHAT, b"{}", "Sec-Fetch-Site: cross-site"), 403),
    "two lengths": (request(CHAT, b"{}", "Content-Length: 2"), 400),
    "a length with a sign": (request(CHAT, b"{}", "Content-Length: +2", without="Content-Length"), 400),
    "a chunked body too": (request(CHAT, b"{}", "Transfer-Encoding: chunked"), 400),
    "another type": (request(CHAT, b"{}", "Content-Type: text/plain", without="Content-Type"), 415),
    "a compressed body": (request(CHAT, b"{}", "Content-Encoding: gzip"), 415),
    "a query": (request(CHAT + "?a=b", b"{}"), 400),
    "a folded field": (request(CHAT, b"{}", "X-A: b\r\n c"), 400),
    "a field with an underscore": (request(CHAT, b"{}", "X_A: b"), 400),
    "a body over the limit": (request(CHAT, b"", length=2_000_000), 413),
    "an unknown address": (request("/v1/nothing", b"{}"), 404),
}


@pytest.mark.parametrize(("data", "status"), IRREGULAR.values(), ids=IRREGULAR)
def test_what_is_not_regular_is_left_to_the_server_behind(
    pair: tuple[FakeBackend, RunningGateway], data: bytes, status: int
) -> None:
    _, gateway = pair

    reply = hear(gateway.port, data, count=1).replies[0]

    assert reply.status == status
    assert reply.error


def test_a_head_in_pieces_is_answered_wherever_it_was_cut(pair: tuple[FakeBackend, RunningGateway]) -> None:
    _, gateway = pair
    data = request(CHAT, json.dumps({"messages": MESSAGES}).encode())

    for cut in range(1, len(data), 17):
        wire = Wire(gateway)
        wire.connect()
        wire.socket.sendall(data[:cut])
        wire.socket.sendall(data[cut:])
        assert wire.answer().status == 200, cut
        wire.close()


def test_requests_sent_in_one_go_are_answered_in_their_order(pair: tuple[FakeBackend, RunningGateway]) -> None:
    _, gateway = pair
    good = request(CHAT, json.dumps({"messages": MESSAGES, "stream": True}).encode())
    bad = request(CHAT, b'{"messages":3}')
    plain = request(CHAT, b'{"messages":4}', "X-Request-Id: behind")

    replies = hear(gateway.port, good + bad + good + plain + bad, count=5).replies

    assert [reply.status for reply in replies] == [200, 400, 200, 400, 400]
    assert replies[3].headers["x-request-id"] == "behind"
    assert all(reply.body.endswith(b"data: [DONE]\n\n") for reply in replies if reply.status == 200)


def test_a_body_that_ends_early_is_refused(pair: tuple[FakeBackend, RunningGateway]) -> None:
    _, gateway = pair

    reply = hear(gateway.port, request(CHAT, b'{"messages":', length=500)).replies[0]

    assert (reply.status, reply.error["code"]) == (400, "invalid_request")


def test_whoever_hangs_up_behind_the_last_byte_has_not_left(pair: tuple[FakeBackend, RunningGateway]) -> None:
    _, gateway = pair
    before = gateway.log.count("499 aborted")

    for _ in range(20):
        wire = Wire(gateway)
        wire.ask(CHAT, {"messages": MESSAGES, "stream": True}, Authorization=f"Bearer {KEY}")
        assert wire.rest().endswith(b"data: [DONE]\n\n")
        wire.leave()

    assert gateway.log.count("499 aborted") == before


def test_a_connection_goes_on_after_a_stream_that_told_its_failure(pair: tuple[FakeBackend, RunningGateway]) -> None:
    fake, gateway = pair
    sse = Head(200, {"content-type": "text/event-stream"})
    fake.script(CHAT, sse, Chunks(fake.events(CHAT)[:3]), Pause(0.1))
    body = json.dumps({"messages": MESSAGES, "stream": True}).encode()

    replies = hear(gateway.port, request(CHAT, body) + request(CHAT, b'{"messages":3}'), count=2).replies

    assert [reply.status for reply in replies] == [200, 400]
    assert json.loads(replies[0].body.split(b"data: ")[-1])["error"]["code"] == "truncated"


def test_a_client_that_leaves_closes_the_backend(pair: tuple[FakeBackend, RunningGateway]) -> None:
    fake, gateway = pair
    sse = Head(200, {"content-type": "text/event-stream"})
    fake.script(CHAT, sse, Chunks(fake.events(CHAT)[:2]), UntilClientLeaves())
    n = len(fake.requests_to(CHAT)) + 1
    wire = Wire(gateway)
    wire.ask(CHAT, {"messages": MESSAGES, "stream": True}, Authorization=f"Bearer {KEY}")
    assert wire.line()

    wire.leave()

    assert fake.wait_request(n, path=CHAT).wait_closed()
