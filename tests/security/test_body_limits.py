"""Bodies over MAX_BODY_MB: refused, not read to their end, and without a trace in memory."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Self

import psutil
import pytest

from tests.fake_backend import FakeBackend
from tests.running_gateway import RunningGateway
from tests.security.conftest import Pair
from tests.security.test_broken_http import worker_of
from tests.security.wire import Heard, Reply, hear, one, parse, request

MIB = 1024 * 1024
HEAD = "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{framing}\r\n\r\n"
ROUTES = ("/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/chat")
CHUNK = b"10000\r\n" + b" " * 65536 + b"\r\n"


@pytest.fixture(scope="module")
def small() -> Iterator[Pair]:
    """A gateway that takes bodies up to 1 MiB."""
    with (
        FakeBackend("openai") as fake,
        RunningGateway(BACKEND="openai", OPENAI_URL=fake.url + "/v1", MAX_BODY_MB=1) as gateway,
    ):
        yield fake, gateway


def head(path: str, framing: str) -> bytes:
    return HEAD.format(path=path, framing=framing).encode()


def flood(port: int, data: bytes, piece: bytes, most: int) -> tuple[int, Reply]:
    """Send a head, then the piece again and again until the gateway will take no more: bytes sent, and its answer."""
    sent = 0
    with socket.create_connection(("127.0.0.1", port), 5) as connection:
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(data)
            while sent < most:
                connection.sendall(piece)
                sent += len(piece)
        received = b""
        with suppress(ConnectionResetError):
            while got := connection.recv(65536):
                received += got
    replies, rest = parse(received)
    assert (len(replies), rest) == (1, b"")
    return sent, replies[0]


@pytest.mark.parametrize("length", [MIB + 1, 10 * MIB, 10**12, 10**30])
@pytest.mark.parametrize("path", ROUTES)
def test_a_length_over_the_limit_is_refused_before_a_byte_of_the_body(small: Pair, path: str, length: int) -> None:
    reply = one(small[1].port, head(path, f"Content-Length: {length}"))

    assert (reply.status, reply.error["code"]) == (413, "body_too_large")
    assert reply.headers["connection"] == "close"


@pytest.mark.parametrize("path", ROUTES)
def test_a_body_that_is_just_within_the_limit_is_taken(small: Pair, path: str) -> None:
    body = {"prompt": "Hi", "input": "Hi", "messages": [{"role": "user", "content": "Hi"}]}
    text = json.dumps(body).encode()
    text += b" " * (MIB - 1 - len(text))
    chunked = b"%x\r\n%b\r\n0\r\n\r\n" % (len(text), text)

    assert one(small[1].port, request("POST", path, {"Content-Type": "application/json"}, text)).status == 200
    assert one(small[1].port, head(path, "Transfer-Encoding: chunked") + chunked).status == 200


@pytest.mark.parametrize("path", ROUTES)
def test_chunks_beyond_the_limit_are_refused(small: Pair, path: str) -> None:
    data = head(path, "Transfer-Encoding: chunked") + CHUNK * 17 + b"0\r\n\r\n"

    heard = hear(small[1].port, data)

    assert heard.statuses == [413]
    assert heard.replies[0].error["code"] == "body_too_large"
    assert heard.is_closed


@pytest.mark.parametrize("path", ROUTES)
def test_reading_stops_soon_after_the_limit_of_an_endless_body(small: Pair, path: str) -> None:
    sent, reply = flood(small[1].port, head(path, "Transfer-Encoding: chunked"), CHUNK, 256 * MIB)

    assert (reply.status, reply.error["code"]) == (413, "body_too_large")
    assert sent < 32 * MIB  # most of it never left the kernels' buffers


def test_a_refused_body_is_not_read_to_its_end(small: Pair) -> None:
    for framing, piece in ((f"Content-Length: {10**12}", b" " * 65536), ("Transfer-Encoding: chunked", CHUNK)):
        data = head("/v1/models", framing)

        sent, reply = flood(small[1].port, data, piece, 256 * MIB)

        assert reply.status == 405
        assert sent < 32 * MIB


def test_one_chunk_that_never_ends_is_refused_at_the_limit(small: Pair) -> None:
    data = head("/chat", "Transfer-Encoding: chunked") + b"FFFFFFFFFF\r\n"

    sent, reply = flood(small[1].port, data, b" " * 65536, 256 * MIB)

    assert reply.status == 413
    assert sent < 32 * MIB


@pytest.mark.parametrize(
    "endless",
    [b"1;" + b"a" * 60_000, b"1\r\n \r\n" * 10_000, b"0\r\nX: " + b"a" * 60_000, b"0\r\n" + b"X: y\r\n" * 10_000],
    ids=["an extension", "tiny chunks", "a trailer", "many trailers"],
)
def test_what_surrounds_a_body_has_an_end_too(small: Pair, endless: bytes) -> None:
    sent, reply = flood(small[1].port, head("/chat", "Transfer-Encoding: chunked"), endless, 256 * MIB)

    assert reply.status in (400, 413)
    assert reply.error
    assert sent < 32 * MIB


def test_a_body_that_stops_short_is_no_request(small: Pair) -> None:
    fake, gateway = small
    before = sum(asked.method == "POST" for asked in list(fake.requests))
    text = b'{"prompt":"Hi"}'

    heards = [
        hear(gateway.port, head("/v1/completions", "Content-Length: 100") + text),
        hear(gateway.port, head("/v1/completions", "Transfer-Encoding: chunked") + b"f\r\n" + text + b"\r\n"),
        hear(gateway.port, head("/v1/completions", "Transfer-Encoding: chunked") + b"f\r\n" + text + b"\r\n0\r\n"),
    ]

    assert [_verdict(heard) for heard in heards] == [([400], True)] * 3
    assert sum(asked.method == "POST" for asked in list(fake.requests)) == before


def _verdict(heard: Heard) -> tuple[list[int], bool]:
    return heard.statuses, heard.is_closed


def test_a_flood_never_takes_more_memory_than_twice_the_limit() -> None:
    floods = (
        (head("/chat", "Transfer-Encoding: chunked"), CHUNK),
        (head("/chat", "Transfer-Encoding: chunked") + b"FFFFFFFFFF\r\n", b" " * 65536),
        (head("/chat", f"Content-Length: {10**12}"), b" " * 65536),
        (head("/chat", "Transfer-Encoding: chunked") + b"1;", b"a" * 65536),
        (head("/nowhere", "Transfer-Encoding: chunked"), CHUNK),
    )
    with (
        FakeBackend("openai") as fake,
        RunningGateway(BACKEND="openai", OPENAI_URL=fake.url + "/v1", MAX_BODY_MB=8) as gateway,
    ):
        worker = worker_of(gateway)
        flood(gateway.port, *floods[-1], 64 * MIB)
        before = worker.memory_info().rss

        with Peak(worker) as peak:
            for data, piece in floods:
                flood(gateway.port, data, piece, 256 * MIB)

        assert peak.bytes - before <= 2 * 8 * MIB


class Peak:
    """The most memory that a process was seen to hold, looked at every millisecond."""

    def __init__(self, process: psutil.Process) -> None:
        self._process = process
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="peak")
        self.bytes = 0

    def _watch(self) -> None:
        while not self._is_over.wait(0.001):
            self.bytes = max(self.bytes, self._process.memory_info().rss)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()
