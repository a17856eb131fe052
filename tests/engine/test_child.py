"""The process that runs llama.cpp, driven by its pipes and its port as the engine drives it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from backend.engine.folder import DEMO_PATH
from backend.engine.keeper import ROOT
from tests.engine.running_engine import DEADLINE_S, ask, load_of

KEY = "a key for these tests"
COMMAND = [sys.executable, "-m", "backend.engine.child"]


def start(**changes: Any) -> subprocess.Popen[bytes]:
    config = {**asdict(load_of()), "path": str(DEMO_PATH), "key": KEY, "threads": 1, **changes}
    child = subprocess.Popen(
        COMMAND, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0
    )
    assert child.stdin is not None
    child.stdin.write(json.dumps(config).encode() + b"\n")
    return child


def ready_line(child: subprocess.Popen[bytes]) -> dict[str, Any]:
    assert child.stdout is not None
    line: dict[str, Any] = json.loads(child.stdout.readline())
    return line


def leave(child: subprocess.Popen[bytes]) -> tuple[bytes, bytes]:
    """Close its stdin; what it said on stdout and stderr until it was gone."""
    said = child.communicate(timeout=DEADLINE_S)
    return said[0], said[1]


@pytest.fixture(scope="module")
def child() -> Iterator[tuple[subprocess.Popen[bytes], dict[str, Any]]]:
    process = start()
    yield process, ready_line(process)
    leave(process)


def test_the_ready_line_says_port_model_and_context(child: tuple[Any, dict[str, Any]]) -> None:
    line = child[1]

    assert line == {"port": line["port"], "model": "demo", "context": 1024}
    assert ask(line["port"], "/health")[0] == 200


def test_the_context_is_what_llama_cpp_really_gives() -> None:
    process = start(context=300)

    line = ready_line(process)

    slots = ask(line["port"], "/slots", key=KEY)[2]
    leave(process)
    assert line["context"] == slots[0]["n_ctx"] >= 300


@pytest.mark.parametrize("path", ["/v1/models", "/slots", "/v1/chat/completions"])
@pytest.mark.parametrize("key", [None, "another key"])
def test_nothing_but_health_is_told_without_the_key(child: tuple[Any, dict[str, Any]], path: str, key: str) -> None:
    status, _, answer = ask(child[1]["port"], path, key=key)

    assert status == 401
    assert answer["error"]["type"] == "authentication_error"


def test_a_foreign_page_gets_no_cors_grant(child: tuple[Any, dict[str, Any]]) -> None:
    origin = {"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"}

    for path, method in (("/v1/models", "GET"), ("/v1/chat/completions", "OPTIONS")):
        headers = ask(child[1]["port"], path, key=KEY, method=method, **origin)[1]
        assert headers.get("access-control-allow-origin", "") == ""
        assert headers.get("access-control-allow-credentials", "false") == "false"


def test_there_is_no_web_page_on_its_port(child: tuple[Any, dict[str, Any]]) -> None:
    assert ask(child[1]["port"], "/", key=KEY)[0] == 404


@pytest.mark.skipif(sys.platform != "linux", reason="looks at processes in /proc, which only Linux has")
def test_the_key_is_neither_in_its_command_line_nor_in_its_environment(child: tuple[Any, dict[str, Any]]) -> None:
    folder = Path(f"/proc/{child[0].pid}")

    assert KEY.encode() not in (folder / "cmdline").read_bytes() + (folder / "environ").read_bytes()


def test_ctrl_c_does_not_end_it(child: tuple[Any, dict[str, Any]]) -> None:
    child[0].send_signal(signal.SIGINT)

    assert ask(child[1]["port"], "/v1/models", key=KEY)[0] == 200


def test_it_leaves_when_stdin_closes() -> None:
    process = start()
    ready_line(process)

    said = leave(process)

    assert said == (b"", b"")


def test_it_leaves_on_sigterm() -> None:
    process = start()
    ready_line(process)

    process.terminate()

    assert process.wait(DEADLINE_S) == -signal.SIGTERM
    leave(process)


def test_it_leaves_when_the_parent_is_gone_before_the_first_line() -> None:
    process = subprocess.Popen(COMMAND, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)

    assert process.communicate(timeout=DEADLINE_S)[0] == b""
    assert process.returncode == 0


def test_a_damaged_model_is_one_sentence_and_no_noise(tmp_path: Path) -> None:
    damaged = tmp_path / "half.gguf"
    damaged.write_bytes(DEMO_PATH.read_bytes()[:1_500_000])
    process = start(path=str(damaged))

    line = ready_line(process)

    assert set(line) == {"error"}
    assert "not within the file bounds" in line["error"]
    assert str(tmp_path) not in line["error"]
    assert process.wait(DEADLINE_S) == 1
    assert leave(process) == (b"", b"")


def test_a_running_engine_logs_no_prompt_and_no_answer() -> None:
    process = start()
    port = ready_line(process)["port"]
    message = {"role": "user", "content": "a word that nobody may log: xylophone"}

    ask(port, "/v1/chat/completions", {"messages": [message]}, KEY)
    ask(port, "/v1/chat/completions", {"messages": [{**message, "content": "xylophone " * 3000}]}, KEY)
    ask(port, "/v1/chat/completions", {"messages": [message], "tools": "xylophone"}, KEY)

    assert leave(process) == (b"", b"")


def test_it_imports_nothing_heavy() -> None:
    code = "import sys, backend.engine.child; print(*sorted(sys.modules))"

    modules = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True).stdout.split()

    assert "xllamacpp" in modules
    assert not {"gevent", "flask", "requests", "dotenv", "http.client", "backend.settings"} & set(modules)
