"""A model that loads slowly into the embedded engine: the client is watched, and sees that the line is alive."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from backend.engine.folder import DEMO_PATH
from tests.gateway.wire import Wire
from tests.running_gateway import RunningGateway

CHAT = "/v1/chat/completions"
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="/proc tells which child is new")


def engines(gateway: RunningGateway) -> set[int]:
    """The processes of its engine: children of its server's processes."""
    servers, found = {gateway.process.pid}, set()
    for _ in range(2):  # gunicorn's, and its worker
        for entry in Path("/proc").iterdir():
            with suppress(OSError, ValueError, IndexError):
                process = int(entry.name)
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                if parent in servers:
                    is_engine = b"backend.engine.child" in (entry / "cmdline").read_bytes()
                    (found if is_engine else servers).add(process)
    return found


class Stopper(threading.Thread):
    """Stops the next engine that starts, as soon as it is there: a load that takes as long as the test wants."""

    def __init__(self, gateway: RunningGateway) -> None:
        super().__init__(daemon=True)
        self._gateway = gateway
        self._known = engines(gateway)
        self._is_over = threading.Event()
        self.has_stopped = threading.Event()
        self.stopped = 0

    def run(self) -> None:
        while not self._is_over.wait(0.001):
            for child in engines(self._gateway) - self._known:
                os.kill(child, signal.SIGSTOP)
                self.stopped = child
                self.has_stopped.set()
                return

    def let_go(self) -> None:
        self._is_over.set()
        self.join()
        if self.stopped:
            with suppress(ProcessLookupError):
                os.kill(self.stopped, signal.SIGCONT)


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[RunningGateway]:
    for name in ("a", "b"):
        shutil.copy(DEMO_PATH, tmp_path / f"{name}.gguf")
    with RunningGateway(BACKEND="embedded", MODELS_DIR=tmp_path, HEARTBEAT_S=0.2) as gateway:
        yield gateway


@pytest.fixture
def loading(gateway: RunningGateway) -> Iterator[Stopper]:
    stopper = Stopper(gateway)
    stopper.start()
    yield stopper
    stopper.let_go()


def ask(gateway: RunningGateway, **more: object) -> Wire:
    wire = Wire(gateway)
    wire.send(CHAT, {"model": "b", "messages": [{"role": "user", "content": "What is a token?"}], **more})
    return wire


def test_a_stream_is_opened_and_shows_signs_of_life_during_the_load(gateway: RunningGateway, loading: Stopper) -> None:
    wire = ask(gateway, stream=True)
    assert loading.has_stopped.wait(10)

    assert wire.head().status == 200
    assert wire.line().startswith(b": keep-alive")
    assert wire.line() is not None
    loading.let_go()
    assert b"data: [DONE]" in wire.rest()
    wire.close()


@pytest.mark.parametrize("is_stream", [False, True])
def test_a_client_that_leaves_during_the_load_is_noticed_at_once(
    gateway: RunningGateway, loading: Stopper, is_stream: bool
) -> None:
    wire = ask(gateway, stream=is_stream)
    assert loading.has_stopped.wait(10)

    wire.leave()

    gateway.wait_for_log(r"499 aborted model=b")
    assert loading.stopped in engines(gateway), "others may wait for this model"
