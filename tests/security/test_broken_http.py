"""Requests that are not HTTP, or are two things at once: refused in words, and nothing behind them runs."""

from __future__ import annotations

import json
import random
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.fake_backend import FakeBackend
from tests.running_gateway import RunningGateway
from tests.security.conftest import Pair
from tests.security.wire import PATIENCE_S, Heard, hear, request

CASES: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent.parent / "corpus" / "http_framing.json").read_text(encoding="utf-8")
)
MUTANTS = 400
SEEDS = (
    request("POST", "/v1/chat/completions", {"Content-Type": "application/json"}, b'{"messages":[]}'),
    request("POST", "/chat", {"Content-Type": "application/json", "Expect": "100-continue"}, b'{"prompt":""}'),
    request("POST", "/v1/embeddings", {"Content-Type": "application/json", "Connection": "close"}, b'{"input":[]}'),
    request("GET", "/v1/models/llama3.2%3Alatest?a=b", {"Origin": "http://localhost:3000", "X-Request-Id": "a.b-1"}),
    request("OPTIONS", "/stats", {"Origin": "http://localhost:3000", "Access-Control-Request-Method": "GET"}),
    b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b'Transfer-Encoding: chunked\r\n\r\n8\r\n{"prompt\r\n4;a=b\r\n":5}\r\n0\r\nX-Sum: 1\r\n\r\n',
)
INSERTS = (
    b"\r\n",
    b"\n",
    b"\r",
    b"\x00",
    b" ",
    b"\t",
    b":",
    b",",
    b";",
    b"\xff",
    b"%00",
    b"../",
    b"chunked",
    b"0",
    b"-",
)


def canary(number: int) -> tuple[str, bytes]:
    """A request that, should it ever run, tells the backend its name."""
    name = f"canary {number} sings"
    body = json.dumps({"prompt": name}).encode()
    return name, request("POST", "/v1/completions", {"Content-Type": "application/json", "Connection": "close"}, body)


def was_heard(fake: FakeBackend, name: str) -> bool:
    return any(name.encode() in asked.body for asked in list(fake.requests))


@pytest.fixture
def worker(pair: Pair) -> psutil.Process:
    """The process that serves."""
    return worker_of(pair[1])


def worker_of(gateway: RunningGateway) -> psutil.Process:
    (found,) = psutil.Process(gateway.process.pid).children()
    return found


def unpacked(case: dict[str, Any]) -> bytes:
    """`{run:TEXT*COUNT}` stands for long runs in the corpus."""
    return re.sub(r"\{run:(.*?)\*(\d+)\}", lambda run: run[1] * int(run[2]), case["raw"], flags=re.DOTALL).encode(
        "latin-1"
    )


@pytest.mark.parametrize(("number", "case"), list(enumerate(CASES)), ids=[case["label"] for case in CASES])
def test_broken_framing_is_refused_and_nothing_behind_it_runs(
    pair: Pair, worker: psutil.Process, number: int, case: dict[str, Any]
) -> None:
    fake, gateway = pair
    name, follower = canary(number)

    heard = hear(gateway.port, unpacked(case) + follower)

    assert heard.statuses == case["statuses"]
    assert heard.is_closed
    assert not heard.is_reset
    assert heard.rest == b""
    assert heard.seconds < PATIENCE_S
    assert was_heard(fake, name) is case.get("canary", False)
    for reply in heard.replies:
        assert "x-request-id" in reply.headers
        if reply.status >= 400:
            assert reply.error["type"] in ("invalid_request_error", "permission_error")
    assert worker.is_running()


def mutant(dice: random.Random) -> bytes:
    data = bytearray(dice.choice(SEEDS))
    for _ in range(dice.randint(1, 4)):
        place = dice.randrange(len(data) + 1)
        match dice.randrange(5):
            case 0:
                data[place:place] = dice.choice(INSERTS)
            case 1:
                del data[place : place + dice.randint(1, 9)]
            case 2 if place < len(data):
                data[place] ^= 1 << dice.randrange(8)
            case 3:
                piece = data[place : place + dice.randint(1, 40)]
                data[place:place] = piece
            case _:
                data[place:place] = dice.randbytes(dice.randint(1, 4))
    return bytes(data)


def test_hundreds_of_mutated_requests_get_an_answer_in_words_and_harm_nobody(
    pair: Pair, worker: psutil.Process
) -> None:
    _, gateway = pair
    dice = random.Random(15)
    mutants = [mutant(dice) for _ in range(MUTANTS)]

    with ThreadPoolExecutor(32) as many:
        answers = list(many.map(lambda data: hear(gateway.port, data), mutants))

    for data, heard in zip(mutants, answers, strict=True):
        check(data, heard)
    assert sum(400 <= status < 500 for heard in answers for status in heard.statuses) > MUTANTS / 2
    assert worker.is_running()
    assert gateway.get("/v1/models").status_code == 200


def check(data: bytes, heard: Heard) -> None:
    assert heard.is_closed, data
    assert not heard.rest, (data, heard.rest)
    assert heard.seconds < PATIENCE_S, data
    for reply in heard.replies:
        assert reply.status < 500, data
        if reply.status >= 400 and not data.lstrip().startswith(b"HEAD"):
            assert reply.error
