"""Starting and stopping: what is said, what is refused, and that nothing is left behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from time import monotonic

import psutil
import pytest

from tests.fake_backend import Bytes, End, FakeBackend, Hang, Head, WaitFor
from tests.gateway.wire import CHAT, Wire, chat_body, events
from tests.running_gateway import ROOT, RunningGateway, free_port


def refused(**settings: str) -> tuple[int, str]:
    environment = {"PATH": os.environ["PATH"], "BACKEND": "ollama", **settings}
    ended = subprocess.run(
        [sys.executable, "-m", "backend", "serve"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=20,
    )
    return ended.returncode, ended.stderr


def test_the_start_says_where_what_and_how_to_change_it() -> None:
    with FakeBackend("ollama") as fake, RunningGateway(BACKEND="auto", OLLAMA_URL=fake.url) as gateway:
        gateway.wait_for_log("DEFAULT_MODEL")
        said = gateway.log

    assert f"http://127.0.0.1:{gateway.port}" in said
    assert f"ollama 0.33.0 at {fake.url}" in said
    assert "llama3.2:latest" in said
    assert ".env" in said


def test_an_unreachable_backend_is_said_at_start_and_the_gateway_still_serves() -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    with RunningGateway(BACKEND="ollama", OLLAMA_URL=nowhere) as gateway:
        health = gateway.get("/health")
        answer = gateway.post(CHAT, chat_body(stream=False))
        said = gateway.log

    assert "OLLAMA_URL" in said
    assert (health.status_code, health.json()["ok"]) == (503, False)
    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "backend_unavailable"
    assert int(answer.headers["Retry-After"]) <= 60


def test_a_taken_port_is_one_sentence() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        status, said = refused(PORT=str(port))

    assert status == 1
    assert said.strip().count("\n") == 0
    assert f"Port {port} is taken" in said


def test_bad_settings_are_all_named_at_once() -> None:
    status, said = refused(PORT="x", BACKEND="vllm", IDLE_TIMEOUT_S="-1", CORS_ORIGINS="*", MANAGE_MODELS="yes")

    assert status == 2
    assert "Traceback" not in said
    assert all(name in said for name in ("PORT", "BACKEND", "IDLE_TIMEOUT_S", "CORS_ORIGINS", "MANAGE_MODELS"))


def test_an_address_that_others_can_reach_needs_a_key() -> None:
    status, said = refused(HOST="0.0.0.0")

    assert status == 2
    assert "API_KEYS" in said


def test_ctrl_c_ends_it_within_a_second_without_a_traceback_and_leaves_nothing() -> None:
    gateway = RunningGateway(BACKEND="embedded").start()
    gateway.wait_for_log("DEFAULT_MODEL")
    wire = Wire(gateway)
    wire.ask(CHAT, chat_body(stream=True))
    assert wire.line()
    family = [*psutil.Process(gateway.process.pid).children(recursive=True)]
    before = monotonic()

    status = gateway.interrupt()
    seconds = monotonic() - before

    _, alive = psutil.wait_procs(family, timeout=3)
    assert seconds < 2.5, "one second is the promise; a loaded machine may take longer"
    assert status in (0, 130)
    assert "Traceback" not in gateway.log
    assert not alive
    wire.close()
    gateway.stop()


def test_a_polite_stop_lets_a_stream_end_and_waits_for_nobody_else() -> None:
    with FakeBackend("openai") as fake, RunningGateway(BACKEND="openai", OPENAI_URL=fake.url + "/v1") as gateway:
        go_on = threading.Event()
        idle, busy = Wire(gateway), Wire(gateway)
        idle.ask(CHAT, chat_body(stream=False))
        idle.rest()
        first, *rest = fake.events(CHAT)
        sse = Head(200, {"content-type": "text/event-stream"})
        fake.script(CHAT, sse, Bytes(first), Bytes(rest[0]), WaitFor(go_on), *map(Bytes, rest[1:]), End())
        busy.ask(CHAT, chat_body(stream=True))
        assert busy.line()

        gateway.process.send_signal(signal.SIGTERM)
        go_on.set()
        body = busy.rest()
        status = gateway.process.wait(10)

    assert events(body)[-1] == "[DONE]"
    assert status == 0
    idle.close()
    busy.close()


def test_a_worker_that_is_killed_is_replaced() -> None:
    with FakeBackend("openai") as fake, RunningGateway(BACKEND="openai", OPENAI_URL=fake.url + "/v1") as gateway:
        (worker,) = psutil.Process(gateway.process.pid).children()

        os.kill(worker.pid, signal.SIGKILL)
        worker.wait(5)

        assert gateway.post(CHAT, chat_body(stream=False)).status_code == 200


@pytest.fixture(scope="module")
def plain() -> Iterator[tuple[FakeBackend, RunningGateway]]:
    with FakeBackend("openai") as fake:
        port = free_port()
        script = (
            "import sys; from backend.serving import server; from backend.settings import Settings;"
            "s = Settings.read();"
            "sys.exit(server._serve_gevent(s, server._listen(s.host, s.port)))"
        )
        environment = {
            "PATH": os.environ["PATH"], "PORT": str(port), "BACKEND": "openai", "OPENAI_URL": fake.url + "/v1",
            "IDLE_TIMEOUT_S": "1",
        }  # fmt: skip
        process = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, env=environment, stderr=subprocess.PIPE)
        gateway = RunningGateway(PORT=port)
        assert process.stderr is not None
        while b"DEFAULT_MODEL" not in process.stderr.readline():
            assert process.poll() is None
        yield fake, gateway
        process.send_signal(signal.SIGINT)
        process.wait(5)
        process.stderr.close()
        gateway.stop()


def test_gevents_own_server_streams_and_sees_a_client_leave(plain: tuple[FakeBackend, RunningGateway]) -> None:
    """What Windows runs: the same app and relay without gunicorn."""
    fake, gateway = plain
    answer = gateway.post(CHAT, chat_body(stream=True))
    fake.script(CHAT, Head(200, {"content-type": "text/event-stream"}), *map(Bytes, fake.events(CHAT)[:3]), Hang())
    wire = Wire(gateway)
    wire.ask(CHAT, chat_body(stream=True))
    assert wire.line()
    request = fake.requests_to(CHAT)[-1]

    wire.leave()

    assert events(answer.content)[-1] == "[DONE]"
    assert request.wait_closed(0.9)


def test_many_streams_at_once_all_end_well(openai_pair: tuple[FakeBackend, RunningGateway]) -> None:
    _, gateway = openai_pair
    bodies: list[bytes] = []

    def ask() -> None:
        bodies.append(gateway.post(CHAT, chat_body(stream=True)).content)

    threads = [threading.Thread(target=ask) for _ in range(64)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(bodies) == 64
    assert all(events(body)[-1] == "[DONE]" for body in bodies)
    assert gateway.get("/stats").json()["totals"]["in_flight"] == 0
