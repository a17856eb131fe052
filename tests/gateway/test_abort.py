"""A client that leaves stops the model, in every phase, with and without a stream."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest

from tests.fake_backend import Bytes, Chunks, End, FakeBackend, FakeModel, Head, Step, UntilClientLeaves, WaitFor
from tests.gateway.wire import CHAT, Wire, chat_body, wait_until
from tests.running_gateway import RunningGateway

pytestmark = pytest.mark.usefixtures("each_path")
Pair = tuple[FakeBackend, RunningGateway]
SSE = Head(200, {"content-type": "text/event-stream"})
NDJSON = Head(200, {"content-type": "application/x-ndjson"})


def leave_during(
    pair: Pair, upstream: str, steps: tuple[Step, ...], stream: bool, lines: int, with_reset: bool
) -> float:
    """Seconds from the client's leaving to the backend's seeing it."""
    fake, gateway = pair
    n = len(fake.requests_to(upstream)) + 1
    reached = threading.Event()
    waiting = threading.Event()
    fake.script(upstream, *steps, WaitFor(reached), UntilClientLeaves())
    wire = Wire(gateway)
    wire.send(CHAT, chat_body(stream))
    request = fake.wait_request(n, path=upstream)
    if lines:
        wire.head()
        for _ in range(lines):
            assert wire.line()
    reached.set()
    waiting.wait(0.05)  # let the gateway reach its waiting state in the phases that show nothing
    left_at = wire.leave(with_reset)
    assert request.wait_closed(5)
    assert request.closed_at is not None
    return float(request.closed_at - left_at)


@pytest.mark.parametrize("with_reset", [False, True], ids=["fin", "reset"])
@pytest.mark.parametrize(
    ("phase", "stream"),
    [
        ("silent", True),
        ("silent", False),
        ("head", True),
        ("head", False),
        ("mid-stream", True),
        ("mid-stream", False),
        ("mid-event", True),
        ("mid-event", False),
        ("before the terminator", True),
        ("before the terminator", False),
    ],
)
def test_leaving_closes_the_upstream(openai_pair: Pair, phase: str, stream: bool, with_reset: bool) -> None:
    fake, _ = openai_pair
    events = fake.events(CHAT)
    steps: dict[str, tuple[Step, ...]] = {
        "silent": (),
        "head": (SSE,),
        "mid-stream": (SSE, Chunks(events[:3])),
        "mid-event": (SSE, Chunks(events[:3]), Bytes(events[3][:40])),
        "before the terminator": (SSE, Chunks(events[:-1])),
    }
    lines = 2 if stream and phase not in ("silent", "head") else 0

    seconds = leave_during(openai_pair, CHAT, steps[phase], stream, lines, with_reset)

    assert seconds < 1, "it was closed by a timeout, not by the client's leaving"


def test_leaving_while_the_backend_does_not_accept_ends_the_attempt() -> None:
    with FakeBackend("openai") as fake:
        url = fake.url + "/v1"
        with RunningGateway(BACKEND="openai", OPENAI_URL=url, CONNECT_TIMEOUT_S=60) as gateway:
            assert gateway.post(CHAT, chat_body(stream=False)).status_code == 200
            fake.stop()
            with full_listener(fake.port):
                wire = Wire(gateway)
                wire.send(CHAT, chat_body(stream=True))
                wait_until(lambda: gateway.get("/stats").json()["totals"]["in_flight"] == 1)

                wire.leave()

                wait_until(lambda: gateway.get("/stats").json()["totals"]["in_flight"] == 0)
                assert gateway.get("/stats").json()["totals"]["aborted"] == 1


@contextlib.contextmanager
def full_listener(port: int) -> Iterator[None]:
    """A port whose queue is full: the system answers no further connection."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(0)
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        yield


@pytest.mark.parametrize("is_open", [False, True], ids=["before its head", "after a sign of life"])
def test_leaving_while_ollama_loads_a_model_does_not_abort_the_load(ollama_pair: Pair, is_open: bool) -> None:
    fake, gateway = ollama_pair
    model = f"cold-{is_open}:latest"
    fake.models = [FakeModel(model)]
    wait_until(lambda: gateway.get(f"/v1/models/{model}").status_code == 200)
    n = len(fake.requests_to("/api/chat")) + 1
    loaded = threading.Event()
    fake.script("/api/chat", WaitFor(loaded), NDJSON, Chunks(fake.events("/api/chat")[:1]), UntilClientLeaves())
    wire = Wire(gateway)
    wire.send(CHAT, chat_body(stream=True, model=model))
    request = fake.wait_request(n, path="/api/chat")
    if is_open:
        assert wire.head().status == 200
        assert wire.line().startswith(b":")

    wire.leave()
    was_closed_while_loading = request.wait_closed(0.3)
    loaded.set()

    assert not was_closed_while_loading
    assert request.wait_closed(2), "once it is loaded, nobody wants the answer"
    fake.models = ["llama3.2:latest"]
    wait_until(lambda: gateway.get("/v1/models/llama3.2").status_code == 200)


def test_a_failure_does_not_prove_that_ollamas_model_is_loaded(ollama_pair: Pair) -> None:
    fake, gateway = ollama_pair
    fake.models = [FakeModel("failing:latest")]
    wait_until(lambda: gateway.get("/v1/models/failing").status_code == 200)
    fake.script("/api/chat", NDJSON, Bytes(b'{"error":"the model failed to load"}\n'), End())
    assert gateway.post(CHAT, chat_body(stream=True, model="failing")).status_code == 502
    n = len(fake.requests_to("/api/chat")) + 1
    loaded = threading.Event()
    fake.script("/api/chat", WaitFor(loaded), NDJSON, Chunks(fake.events("/api/chat")[:1]), UntilClientLeaves())
    wire = Wire(gateway)
    wire.send(CHAT, chat_body(stream=True, model="failing"))
    request = fake.wait_request(n, path="/api/chat")

    wire.leave()
    was_closed_while_loading = request.wait_closed(0.3)
    loaded.set()

    assert not was_closed_while_loading
    assert request.wait_closed(2)
    fake.models = ["llama3.2:latest"]
    wait_until(lambda: gateway.get("/v1/models/llama3.2").status_code == 200)


def test_leaving_a_model_that_has_answered_before_closes_at_once(ollama_pair: Pair) -> None:
    fake, gateway = ollama_pair
    fake.models = [FakeModel("llama3.2:latest", is_loaded=True)]
    wait_until(lambda: gateway.get("/v1/models/llama3.2").status_code == 200)
    assert gateway.post(CHAT, chat_body(stream=False)).status_code == 200

    seconds = leave_during(ollama_pair, "/api/chat", (), stream=True, lines=0, with_reset=False)

    assert seconds < 0.9


def test_an_abort_is_counted_and_leaves_nothing_in_flight(openai_pair: Pair) -> None:
    _, gateway = openai_pair
    before = gateway.get("/stats").json()["totals"]

    leave_during(
        openai_pair, CHAT, (SSE, Chunks(openai_pair[0].events(CHAT)[:3])), stream=True, lines=2, with_reset=False
    )

    after = gateway.get("/stats").json()["totals"]
    assert after["aborted"] == before["aborted"] + 1
    assert after["in_flight"] == 0
