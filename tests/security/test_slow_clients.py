"""Clients that take their time do not take anybody else's."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from time import monotonic

import pytest

from tests.fake_backend import Hang
from tests.security.conftest import Pair
from tests.security.wire import one, request

CROWD = 200
GOOD_S = 1.0
CHAT = request("POST", "/v1/completions", {"Content-Type": "application/json"}, b'{"prompt":"Hi"}')
STREAM = request("POST", "/v1/completions", {"Content-Type": "application/json"}, b'{"prompt":"Hi","stream":true}')
HEAD = b"POST /chat HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
# What is sent at first, and the drop that follows again and again.
CROWDS = {
    "heads": (b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\n", b"X-A: b\r\n"),
    "request lines": (b"GET /", b"a"),
    "bodies": (HEAD + b"Content-Length: 1000000\r\n\r\n{", b" "),
    "chunks": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n", b"1\r\n \r\n"),
    "nothing at all": (b"", b""),
    "heads of 8 KB": (b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 8000, b"\r\nX: a"),
}


@pytest.fixture
def crowd() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def gather(crowd: ExitStack, port: int, first: bytes) -> list[socket.socket]:
    clients = [crowd.enter_context(socket.create_connection(("127.0.0.1", port), 5)) for _ in range(CROWD)]
    for client in clients:
        client.sendall(first)
    return clients


def check_good_client(port: int) -> None:
    start = monotonic()
    assert one(port, CHAT).status == 200
    assert one(port, STREAM).body.endswith(b"data: [DONE]\n\n")
    assert one(port, request(target="/health")).status == 200
    assert monotonic() - start < GOOD_S


@pytest.mark.parametrize(("first", "drop"), CROWDS.values(), ids=CROWDS)
def test_two_hundred_dripping_clients_do_not_stop_a_good_one(
    pair: Pair, crowd: ExitStack, first: bytes, drop: bytes
) -> None:
    port = pair[1].port
    clients = gather(crowd, port, first)
    assert one(port, request(target="/health")).status == 200  # the crowd is in

    for _ in range(3):
        for client in clients:
            client.sendall(drop)
        check_good_client(port)


def test_thousands_of_requests_in_one_go_do_not_stop_a_good_client(pair: Pair, crowd: ExitStack) -> None:
    """Nor does it matter that nobody reads the answers."""
    port = pair[1].port
    client = crowd.enter_context(socket.create_connection(("127.0.0.1", port), 5))
    client.sendall(request(target="/v1/models") * 3000)

    check_good_client(port)


def test_two_hundred_silent_backends_do_not_stop_a_good_client(pair: Pair, crowd: ExitStack) -> None:
    fake, gateway = pair
    for _ in range(CROWD):
        fake.script("/v1/embeddings", Hang())
    body = b'{"model":"llama3.2:latest","input":"Hi"}'
    ask = request("POST", "/v1/embeddings", {"Content-Type": "application/json"}, body)
    before = len(fake.requests_to("/v1/embeddings"))

    clients = gather(crowd, gateway.port, ask)
    fake.wait_request(before + CROWD, path="/v1/embeddings")

    check_good_client(gateway.port)
    hanging = fake.requests_to("/v1/embeddings")[before:]
    for client in clients:
        client.close()
    assert all(asked.wait_closed() for asked in hanging)


def test_a_slow_client_is_served_when_it_is_done(pair: Pair) -> None:
    with socket.create_connection(("127.0.0.1", pair[1].port), 5) as connection:
        for place in range(len(CHAT)):
            connection.sendall(CHAT[place : place + 1])
        assert connection.recv(12) == b"HTTP/1.1 200"
