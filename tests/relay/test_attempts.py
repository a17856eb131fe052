"""Attempts behind one exchange: another is made where nothing was asked yet; a slow one is watched."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import gevent
import gevent.socket
import pytest
from gevent.event import Event

from backend.backends.backend import Call
from backend.backends.openai import OpenAIBackend
from backend.dialects.chat import ChatRequest, Message, Text
from backend.dialects.openai.stream import ChatStream
from backend.errors import BackendFailed, BackendUnavailable, GatewayError
from backend.identity import Identity
from backend.observers.exchange import Exchange, Observers
from backend.observers.stats import Stats
from backend.relay.attempt import RULES, Attempt, Phase
from backend.relay.client import Client
from backend.relay.deadlines import ClientGone, Deadlines
from backend.relay.meter import Meter
from backend.relay.relay import Relay
from backend.relay.watch import Watch
from backend.settings import Secret
from backend.upstream.endpoint import Endpoint, Server
from backend.upstream.idle import IdleConnections
from tests.fake_backend import Bytes, FakeBackend, Fin, Head, Status
from tests.running_gateway import free_port

CHAT = "/v1/chat/completions"
SSE = Head(200, {"content-type": "text/event-stream"})
DEADLINES = Deadlines(5, 5, 0.2)


class Exchanged:
    """One client on a real socket, asking through some calls."""

    def __init__(self) -> None:
        self.ours, self.theirs = gevent.socket.socketpair()
        self.idle = IdleConnections()
        self.told: list[Exchange] = []
        self.stats = Stats()
        self.meter = Meter(Observers([self.told.append, self.stats], self.stats.begin), "r", "POST", "/")
        self.watch = Watch(Client({"gunicorn.socket": self.ours, "SERVER_PROTOCOL": "HTTP/1.0"}))

    def relay(self, *calls: Call) -> Relay:
        return Relay(
            [partial(Attempt, call, self.idle, DEADLINES) for call in calls], self.watch, DEADLINES, self.meter
        )

    def read(self) -> bytes:
        with gevent.Timeout(10):
            return bytes(self.theirs.recv(65536))


@pytest.fixture
def exchanged() -> Iterator[Exchanged]:
    exchanged = Exchanged()
    yield exchanged
    exchanged.idle.close()
    exchanged.ours.close()
    exchanged.theirs.close()


@pytest.fixture
def fake() -> Iterator[FakeBackend]:
    with FakeBackend("openai") as fake:
        yield fake


def backend_at(url: str, id: str = "openai") -> OpenAIBackend:
    server = Server("The server", url, "OPENAI_URL", "Start it", key=Secret(""), connect_timeout_s=5)
    return OpenAIBackend(Identity(id, "openai", f"the server {id}"), server)


def call_to(url: str) -> Call:
    return backend_at(url).chat(ChatRequest("llama3.2:latest", (Message("user", (Text("Hi"),)),), stream=True))


def refusing() -> Call:
    return call_to(f"http://127.0.0.1:{free_port()}/v1")


def encoder() -> ChatStream:
    return ChatStream("m", False, "id", 1)


def test_where_the_first_address_refuses_the_next_one_answers(exchanged: Exchanged, fake: FakeBackend) -> None:
    answer = exchanged.relay(refusing(), call_to(fake.url + "/v1"))

    answer.open(None)
    whole = answer.gather()

    assert "".join(whole.choices[0].text)
    assert [(told.outcome, told.status) for told in exchanged.told] == [("ok", 200)]


def test_a_stream_goes_on_to_the_next_address_too(exchanged: Exchanged, fake: FakeBackend) -> None:
    relay = exchanged.relay(refusing(), refusing(), call_to(fake.url + "/v1"))

    relay.open(0.2)
    relay.stream(encoder(), lambda head: None)

    assert exchanged.read().endswith(b"data: [DONE]\n\n")


def test_where_all_addresses_refuse_the_last_ones_failure_is_told(exchanged: Exchanged) -> None:
    exchanged.meter.begin("a", "m")

    with pytest.raises(BackendUnavailable, match="does not answer"):
        exchanged.relay(refusing(), refusing()).open(None)

    assert [told.error_code for told in exchanged.told] == ["backend_unavailable"]
    assert exchanged.stats.snapshot()["totals"]["in_flight"] == 0


@pytest.mark.parametrize("steps", [(Status(500),), (Fin(),), (SSE, Fin())], ids=["refused", "closed", "cut"])
def test_what_was_asked_once_is_not_asked_again(exchanged: Exchanged, fake: FakeBackend, steps: Any) -> None:
    fake.script(CHAT, *steps)

    with pytest.raises(GatewayError):
        exchanged.relay(call_to(fake.url + "/v1"), call_to(fake.url + "/v1")).open(None)

    assert len(fake.requests_to(CHAT)) == 1


def test_after_the_first_word_there_is_no_other_attempt(exchanged: Exchanged, fake: FakeBackend) -> None:
    fake.script(CHAT, SSE, Bytes(fake.events(CHAT)[0]), Bytes(fake.events(CHAT)[1]), Fin())
    relay = exchanged.relay(call_to(fake.url + "/v1"), call_to(fake.url + "/v1"))

    relay.open(None)
    relay.stream(encoder(), lambda head: None)

    told = exchanged.read()
    assert b"[DONE]" not in told
    assert json.loads(told.split(b"data: ")[-1])["error"]["code"] == "truncated"
    assert len(fake.requests_to(CHAT)) == 1


# -- a backend that takes its time before it can be asked


def slow(call: Call, reach: Callable[[], Endpoint]) -> Call:
    return Call(call.model, reach, call.path, call.body, call.decoder, call.refusal, is_slow=True)


def test_a_stream_shows_signs_of_life_while_the_engine_loads(exchanged: Exchanged, fake: FakeBackend) -> None:
    is_loaded = Event()
    call = call_to(fake.url + "/v1")

    def reach() -> Endpoint:
        is_loaded.wait()
        return call.reach()

    relay = exchanged.relay(slow(call, reach))
    relay.open(0.05)
    streaming = gevent.spawn(relay.stream, encoder(), lambda head: None)

    assert exchanged.read() == b": keep-alive\n\n"
    assert exchanged.read() == b": keep-alive\n\n"
    is_loaded.set()
    streaming.get(timeout=10)
    assert exchanged.read().endswith(b"data: [DONE]\n\n")


def test_a_client_that_leaves_ends_the_waiting_for_the_engine(exchanged: Exchanged, fake: FakeBackend) -> None:
    is_over = Event()
    call = call_to(fake.url + "/v1")

    def reach() -> Endpoint:
        try:
            Event().wait()
        finally:
            is_over.set()
        raise AssertionError

    gevent.spawn_later(0.05, exchanged.theirs.close)
    with pytest.raises(ClientGone):
        exchanged.relay(slow(call, reach)).open(None)

    assert is_over.wait(10)
    assert [told.outcome for told in exchanged.told] == ["aborted"]
    assert not fake.requests


def test_an_engine_that_cannot_be_reached_is_its_own_sentence(exchanged: Exchanged, fake: FakeBackend) -> None:
    def reach() -> Endpoint:
        raise BackendFailed("The engine cannot load this.")

    with pytest.raises(BackendFailed, match="cannot load this"):
        exchanged.relay(slow(call_to(fake.url + "/v1"), reach)).open(None)


# -- phases and names


def test_every_phase_leads_to_the_end_and_the_end_nowhere() -> None:
    assert all(Phase.OVER in rule.then for phase, rule in RULES.items() if phase is not Phase.OVER)
    assert RULES.keys() == set(Phase)
    assert not RULES[Phase.OVER].then


def test_two_backends_of_a_kind_stand_side_by_side(fake: FakeBackend) -> None:
    with FakeBackend("openai", ["other-model"]) as second:
        fake.script(CHAT, Status(401))
        second.script(CHAT, Status(401))
        backends = [backend_at(fake.url + "/v1", "left"), backend_at(second.url + "/v1", "right")]

        listed = [{model.backend: model.id for model in backend.models()} for backend in backends]

        assert [list(models) for models in listed] == [["left"], ["right"]]
        assert listed[1]["right"] == "other-model"
        assert [backend.address() for backend in backends] == [fake.url + "/v1", second.url + "/v1"]
        errors = [backend.chat(ChatRequest("m", ())).refusal(401, b"") for backend in backends]
        assert [error.message.split(" refused")[0] for error in errors] == ["The server left", "The server right"]
