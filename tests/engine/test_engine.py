"""The engine that keeps a child running: real processes, killed for real."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from time import monotonic

import pytest

from backend.engine.engine import Engine
from backend.engine.folder import DEMO_PATH
from backend.engine.keeper import ROOT
from backend.errors import BackendFailed, BackendUnavailable
from tests.engine.running_engine import DEADLINE_S, ask, eventually, is_running, load_of, long_stream

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="ends processes by POSIX signals, which Windows lacks")


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    engine = Engine()
    engine.load(load_of())
    engine.address(DEADLINE_S)
    yield engine
    engine.stop()


@pytest.fixture
def own_engine() -> Iterator[Engine]:
    engine = Engine()
    yield engine
    engine.stop()


def test_a_stopped_engine_says_that_it_is_not_running(own_engine: Engine) -> None:
    with pytest.raises(BackendUnavailable, match="not running"):
        own_engine.address()

    assert repr(own_engine) == "<Engine stopped>"
    assert (own_engine.ready(), own_engine.is_busy(), own_engine.memory_bytes()) == (None, False, None)


def test_loading_returns_at_once_and_says_so_until_it_is_done(own_engine: Engine) -> None:
    began = monotonic()
    own_engine.load(load_of())

    with pytest.raises(BackendUnavailable, match=r"loading demo \(3 MB\)") as raised:
        own_engine.address()

    assert monotonic() - began < 0.2
    assert (raised.value.status, raised.value.code, raised.value.retry_after_s) == (503, "model_loading", 1)
    assert own_engine.address(DEADLINE_S).context == 1024


def test_the_same_model_is_not_loaded_twice(engine: Engine) -> None:
    before = engine.address()

    engine.load(load_of())

    assert engine.address() == before
    assert repr(engine) == "<Engine demo: ready>"


def test_the_key_does_not_show_in_a_repr(engine: Engine) -> None:
    address = engine.address()

    assert len(address.key) >= 43
    assert address.key not in repr(address)


def test_another_model_takes_the_place_of_the_first(own_engine: Engine) -> None:
    own_engine.load(load_of())
    first = own_engine.address(DEADLINE_S)

    own_engine.load(load_of(model="other"))
    second = own_engine.address(DEADLINE_S)

    assert not is_running(first.process_id)
    assert second.key != first.key
    assert ask(second.port, "/v1/models", key=second.key)[2]["data"][0]["id"] == "other"


def test_a_child_that_is_killed_is_started_again(own_engine: Engine) -> None:
    own_engine.load(load_of())
    first = own_engine.address(DEADLINE_S)

    os.kill(first.process_id, signal.SIGKILL)

    assert eventually(lambda: own_engine.ready() is None)
    with pytest.raises(BackendUnavailable, match="died and is starting again"):
        own_engine.address()
    second = own_engine.address(DEADLINE_S)
    assert second.process_id != first.process_id
    assert ask(second.port, "/v1/models", key=second.key)[0] == 200


def test_a_stopped_engine_leaves_no_process(own_engine: Engine) -> None:
    own_engine.load(load_of())
    address = own_engine.address(DEADLINE_S)

    own_engine.stop()

    assert not is_running(address.process_id)


def test_stopping_while_it_loads_leaves_no_process(own_engine: Engine) -> None:
    before = _children()
    own_engine.load(load_of())
    assert eventually(lambda: _children() != before)

    own_engine.stop()

    assert _children() == before


def _children() -> set[str]:
    return {child for task in Path("/proc/self/task").glob("*/children") for child in task.read_text().split()}


def test_a_damaged_model_is_said_in_one_sentence_and_not_retried(
    own_engine: Engine, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    damaged = tmp_path / "half.gguf"
    damaged.write_bytes(DEMO_PATH.read_bytes()[:1_500_000])
    own_engine.load(load_of(damaged, "half"))

    with pytest.raises(
        BackendFailed, match=r"llama.cpp cannot load half.gguf: .* Replace or remove the file"
    ) as raised:
        own_engine.address(DEADLINE_S)

    own_engine.load(load_of(damaged, "half"))
    assert own_engine.failure() == raised.value.message
    assert str(tmp_path) not in raised.value.message
    assert [record.message for record in caplog.records] == [raised.value.message]


def test_a_repaired_file_is_loaded_after_a_failure(own_engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(DEMO_PATH.read_bytes()[:1_500_000])
    own_engine.load(load_of(path))
    with pytest.raises(BackendFailed):
        own_engine.address(DEADLINE_S)

    path.write_bytes(DEMO_PATH.read_bytes())
    own_engine.load(load_of(path))

    assert own_engine.address(DEADLINE_S).context == 1024


def test_a_stream_that_is_closed_frees_its_slot(engine: Engine) -> None:
    with long_stream(engine.address()) as stream:
        assert stream.recv(100).startswith(b"HTTP/1.1 200")
        assert engine.is_busy()

    assert eventually(lambda: not engine.is_busy(), within_s=1)


def test_many_open_streams_do_not_keep_us_from_asking(engine: Engine) -> None:
    address = engine.address()
    with ExitStack() as streams:
        for _ in range(20):
            streams.enter_context(long_stream(address))
        began = monotonic()

        status, _, slots = ask(address.port, "/slots", key=address.key)

        assert status == 200
        assert len(slots) == 2
        assert monotonic() - began < 2
    assert eventually(lambda: not engine.is_busy())


@pytest.mark.skipif(sys.platform != "linux", reason="looks at processes in /proc, which only Linux has")
def test_its_memory_is_told(engine: Engine) -> None:
    memory = engine.memory_bytes()

    assert memory is not None
    assert 20e6 < memory < 120e6


@pytest.mark.skipif(sys.platform != "linux", reason="looks at processes in /proc, which only Linux has")
def test_the_child_gets_none_of_our_secrets(own_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "canary-of-a-key")
    monkeypatch.setenv("API_KEYS", "canary-of-keys")
    own_engine.load(load_of())

    environment = Path(f"/proc/{own_engine.address(DEADLINE_S).process_id}/environ").read_bytes()

    assert b"canary" not in environment
    assert b"PATH=" in environment


PARENT = """
import sys
if "patched" in sys.argv:
    from gevent import monkey
    monkey.patch_all()
from tests.engine.running_engine import eventually, load_of
from backend.engine.engine import Engine
engine = Engine()
engine.load(load_of())
first = engine.address(30).process_id
print(first, flush=True)
if sys.stdin.readline():
    eventually(lambda: engine.ready() is None or engine.address().process_id != first)
    print(engine.address(30).process_id, flush=True)
engine.stop()
print("stopped", flush=True)
"""


@pytest.fixture(params=["plain", "patched"])
def parent(request: pytest.FixtureRequest) -> Iterator[subprocess.Popen[str]]:
    """A process of its own, patched by gevent or not, that runs an engine and tells the child's process id."""
    command = [sys.executable, "-c", PARENT, request.param]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:
        yield process
        process.kill()


def test_the_child_leaves_when_its_parent_is_killed(parent: subprocess.Popen[str]) -> None:
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    assert is_running(child)

    parent.kill()

    assert eventually(lambda: not is_running(child), within_s=5)


def test_it_starts_again_and_stops_with_and_without_gevent(parent: subprocess.Popen[str]) -> None:
    assert parent.stdin is not None
    assert parent.stdout is not None
    first = int(parent.stdout.readline())

    os.kill(first, signal.SIGKILL)
    assert eventually(lambda: not is_running(first))
    parent.stdin.write("next\n")
    parent.stdin.flush()
    second = int(parent.stdout.readline())
    parent.stdin.close()

    assert second != first
    assert parent.stdout.readline() == "stopped\n"
    assert parent.wait(DEADLINE_S) == 0
    assert not is_running(second)


def test_ctrl_c_on_the_group_of_the_parent_does_not_reach_the_child(engine: Engine) -> None:
    assert os.getpgid(engine.address().process_id) != os.getpgid(0)
