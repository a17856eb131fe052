"""Endings in Anthropic's dialect: a cut answer never looks finished, silence shows life, leaving stops the model."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import anthropic
import pytest

from tests.fake_backend import (
    Bytes,
    Chunks,
    End,
    FakeBackend,
    Fin,
    Hang,
    Head,
    Reset,
    Status,
    Step,
    UntilClientLeaves,
    WaitFor,
)
from tests.fake_dialects import TOKENS
from tests.gateway.wire import CHAT, Wire, wait_until
from tests.running_gateway import RunningGateway

SSE = Head(200, {"content-type": "text/event-stream"})
NDJSON = Head(200, {"content-type": "application/x-ndjson"})
MESSAGES = "/v1/messages"
Pair = tuple[FakeBackend, RunningGateway]
HELLO: Any = [{"role": "user", "content": "Hello"}]
PING = {"type": "ping"}


@pytest.fixture(params=["openai", "ollama"])
def pair(request: pytest.FixtureRequest, openai_pair: Pair, ollama_pair: Pair) -> Pair:
    return openai_pair if request.param == "openai" else ollama_pair


@pytest.fixture
def short(openai_pair: Pair, ollama_pair: Pair) -> Iterator[None]:
    """One token, so that every byte can be tried."""
    for fake, _ in (openai_pair, ollama_pair):
        fake.fake.tokens = (" é✓",)
    yield
    for fake, _ in (openai_pair, ollama_pair):
        fake.fake.tokens = TOKENS


def path(fake: FakeBackend) -> str:
    return CHAT if fake.kind == "openai" else "/api/chat"


def head(fake: FakeBackend) -> Step:
    return SSE if fake.kind == "openai" else NDJSON


def body(stream: bool) -> dict[str, Any]:
    return {"max_tokens": 50, "messages": HELLO, "stream": stream}


def events(received: bytes) -> list[Any]:
    return [json.loads(block.partition(b"\ndata: ")[2]) for block in received.split(b"\n\n") if block]


def cut_before_the_end(fake: FakeBackend) -> Iterator[bytes]:
    """What a good answer is cut to, at every byte at which it is not whole."""
    whole = b"".join(fake.events(path(fake)))
    whole = whole.partition(b"[DONE]")[0] + b"[DONE" if fake.kind == "openai" else whole[:-2]
    return (whole[:offset] for offset in range(len(whole) + 1))


@pytest.mark.timeout(120)
@pytest.mark.usefixtures("short")
def test_a_stream_that_is_cut_at_any_byte_ends_with_an_error_event(pair: Pair) -> None:
    fake, gateway = pair

    with closing(Wire(gateway)) as wire:
        for cut in cut_before_the_end(fake):
            fake.script(path(fake), head(fake), Bytes(cut), Reset())
            response = wire.ask(MESSAGES, body(stream=True))
            received = wire.rest()
            if response.status != 200:
                assert json.loads(received)["error"]["type"] == "api_error"
                continue
            *before, last = events(received)
            assert (last["type"], last["error"]["details"]["error_code"]) == ("error", "truncated")
            assert not {"error", "message_delta", "message_stop"} & {event["type"] for event in before}


@pytest.mark.timeout(120)
@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
def test_the_sdk_raises_wherever_an_answer_is_cut(pair: Pair, stream: bool) -> None:
    fake, gateway = pair

    with anthropic.Anthropic(base_url=gateway.url, api_key="none", max_retries=0) as client:
        for cut in cut_before_the_end(fake):
            fake.script(path(fake), head(fake), Bytes(cut), Fin())
            with pytest.raises(anthropic.APIStatusError) as failed:
                _ask(client, stream)
            assert failed.value.type == "api_error"
            assert failed.value.request_id


def _ask(client: anthropic.Anthropic, is_streamed: bool) -> None:
    if is_streamed:
        with client.messages.stream(model="", max_tokens=50, messages=HELLO) as stream:
            stream.until_done()
    else:
        client.messages.create(model="", max_tokens=50, messages=HELLO)


def test_a_failure_in_mid_stream_has_the_type_that_its_status_would_have(pair: Pair) -> None:
    fake, gateway = pair
    busy = b'{"error":{"message":"server busy","code":503}}\n'
    busy = b"data: " + busy + b"\n" if fake.kind == "openai" else busy
    gate = threading.Event()
    fake.script(path(fake), head(fake), Chunks(fake.events(path(fake))[:3]), WaitFor(gate), Chunks([busy]), End())

    with closing(Wire(gateway)) as wire:
        wire.ask(MESSAGES, body(stream=True))
        assert wire.line() == b"event: message_start"
        gate.set()
        received = b"event: message_start\n" + wire.rest()

    assert events(received)[-1]["error"]["type"] == "overloaded_error"


def test_a_silent_line_shows_pings_before_and_within_an_answer(pair: Pair) -> None:
    fake, gateway = pair
    said = fake.events(path(fake))
    gates = (threading.Event(), threading.Event())
    fake.script(path(fake), WaitFor(gates[0]), head(fake), Chunks(said[:3]), WaitFor(gates[1]), Chunks(said[3:]), End())

    with closing(Wire(gateway)) as wire:
        response = wire.ask(MESSAGES, body(stream=True))
        before = [wire.line(), wire.line()]
        gates[0].set()
        while wire.line() != b"event: message_start":
            pass
        while wire.line() != b"event: ping":
            pass
        gates[1].set()
        rest = b"event: ping\n" + wire.rest()

    assert response.status == 200
    assert before == [b"event: ping", b'data: {"type":"ping"}'], "the first word was long in coming"
    assert events(rest)[-1] == {"type": "message_stop"}


def test_a_model_that_takes_its_time_is_answered_with_its_failure_in_the_stream(pair: Pair) -> None:
    fake, gateway = pair
    gate = threading.Event()
    fake.script(path(fake), WaitFor(gate), Status(400, body={"error": "the prompt is longer than the context length"}))

    with closing(Wire(gateway)) as wire:
        response = wire.ask(MESSAGES, body(stream=True))
        assert wire.line() == b"event: ping"
        gate.set()
        received = b"event: ping\n" + wire.rest()

    assert response.status == 200
    *pings, last = events(received)
    assert pings == [PING] * len(pings)
    assert (last["error"]["type"], last["error"]["details"]["error_code"]) == (
        "invalid_request_error",
        "context_length_exceeded",
    )


def test_a_backend_that_falls_silent_ends_the_stream_with_a_timeout(pair: Pair) -> None:
    fake, gateway = pair
    fake.script(path(fake), head(fake), Chunks(fake.events(path(fake))[:2]), Hang())

    answer = gateway.post(MESSAGES, body(stream=True))

    assert events(answer.content)[-1]["error"]["type"] == "timeout_error"


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
def test_an_sdk_that_gives_up_stops_the_model(pair: Pair, stream: bool) -> None:
    fake, gateway = pair
    n = len(fake.requests_to(path(fake))) + 1
    fake.script(path(fake), head(fake), Chunks(fake.events(path(fake))[:3]), UntilClientLeaves())
    aborted = gateway.get("/stats").json()["totals"]["aborted"]

    with anthropic.Anthropic(base_url=gateway.url, api_key="none", max_retries=0) as client:
        if stream:
            with client.messages.stream(model="", max_tokens=50, messages=HELLO) as answer:
                next(answer.text_stream)
        else:
            with pytest.raises(anthropic.APITimeoutError):
                client.with_options(timeout=0.2).messages.create(model="", max_tokens=50, messages=HELLO)

    assert fake.wait_request(n, path=path(fake)).wait_closed(5)
    wait_until(lambda: gateway.get("/stats").json()["totals"]["aborted"] == aborted + 1)
