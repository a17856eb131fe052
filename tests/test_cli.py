"""The command line as a process of its own, against a real server that plays the gateway."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fake_backend import (
    Bytes,
    Chunks,
    End,
    FakeBackend,
    FakeModel,
    Fin,
    Head,
    Reset,
    Status,
    Step,
    UntilClientLeaves,
    WaitFor,
)
from tests.forked_commands import ForkedCommands
from tests.running_gateway import RunningGateway

ROOT = Path(__file__).resolve().parent.parent
CHAT = "/v1/chat/completions"
COMMANDS = ("serve", "generate", "chat", "models", "stats", "get", "pull", "load", "unload", "rm")
DEADLINE_S = 20.0
SSE = Head(200, {"content-type": "text/event-stream"})
DONE = b"data: [DONE]\n\n"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(16)


def event(delta: dict[str, Any] | None = None, finish: str | None = None, **rest: Any) -> bytes:
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    return b"data: " + json.dumps({"id": "c1", "model": "demo", "choices": choices, **rest}).encode() + b"\n\n"


USAGE = event(
    usage={
        "prompt_tokens": 9,
        "completion_tokens": 2,
        "passerelle": {"backend": "embedded", "ttft_ms": 40.4, "tokens_per_second": 50.06},
    }
)


def answer(*texts: str, finish: str = "stop") -> tuple[Step, ...]:
    deltas = [event({"content": text}) for text in texts]
    return (SSE, Chunks([event({"role": "assistant"}), *deltas, event({}, finish), USAGE, DONE]), End())


@pytest.fixture
def gateway() -> Iterator[FakeBackend]:
    with FakeBackend("openai") as fake:
        yield fake


Run = Callable[..., subprocess.CompletedProcess[bytes]]


def environment(**changes: str) -> dict[str, str]:
    ours = {"PATH": os.environ["PATH"], "PYTHONUTF8": "1", "PYTHONWARNINGS": "error", "TERM": "xterm"}
    return {**ours, **changes}


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "backend", *arguments]


@pytest.fixture(scope="module")
def commands() -> Iterator[ForkedCommands]:
    with ForkedCommands(environment(), DEADLINE_S) as commands:
        yield commands


@pytest.fixture
def run(gateway: FakeBackend, commands: ForkedCommands) -> Run:
    def run(*arguments: str, said: bytes | None = None, **changes: str) -> subprocess.CompletedProcess[bytes]:
        variables = environment(**{"PASSERELLE_URL": gateway.url, **changes})
        if not any(name.startswith("PYTHON") for name in changes):  # those are read when Python starts
            return commands.run(arguments, variables, said)
        return subprocess.run(
            command(*arguments),
            input=said,
            capture_output=True,
            cwd=ROOT,
            env=variables,
            timeout=DEADLINE_S,
            check=False,
        )

    return run


# Makes standard input the terminal of this session, so that Ctrl-C typed there is a SIGINT here.
ON_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
)


class Terminal:
    """A command on a terminal of its own, as a person has it."""

    def __init__(self, *arguments: str, **changes: str) -> None:
        self._main, inner = pty.openpty()
        self.shown = b""
        self._seen = 0
        self.process = subprocess.Popen(
            [sys.executable, "-c", ON_TERMINAL, *command(*arguments)],
            stdin=inner,
            stdout=inner,
            stderr=inner,
            cwd=ROOT,
            env=environment(**changes),
            start_new_session=True,
        )
        os.close(inner)

    def type(self, text: str) -> None:
        os.write(self._main, text.encode())

    def wait_for(self, text: str) -> None:
        """Read until the text stands on the terminal, from the end of what was waited for before."""
        wanted = text.encode()
        deadline = time.monotonic() + DEADLINE_S
        start = self._seen
        while wanted not in self.shown[start:]:
            if not self._read(deadline - time.monotonic()):
                raise AssertionError(f"{text!r} did not come; shown: {self.shown[start:]!r}")
        self._seen = self.shown.index(wanted, start) + len(wanted)

    def interrupt_until(self, text: str) -> None:
        """Press Ctrl-C until the text stands there, as people do: CPython sleeps over one that comes just before it
        waits for a key, or while it tidies its memory up."""
        wanted, start = text.encode(), self._seen
        deadline = time.monotonic() + DEADLINE_S
        while wanted not in self.shown[start:] and time.monotonic() < deadline:
            self.type("\x03")
            patience = time.monotonic() + 2  # one that is heard needs some time to take effect
            while wanted not in self.shown[start:] and (left := patience - time.monotonic()) > 0:
                self._read(left)
        self.wait_for(text)

    def interrupt_until_the_end(self) -> int:
        """The same, until the command has ended, which has time for that after each; its exit status."""
        deadline = time.monotonic() + DEADLINE_S
        while self.process.poll() is None and time.monotonic() < deadline:
            self.type("\x03")
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(3)
        return self.end()

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._main)

    def end(self) -> int:
        """Read all the rest, and give the exit status."""
        deadline = time.monotonic() + DEADLINE_S
        while self._read(deadline - time.monotonic()):
            pass
        return self.process.wait(max(0.1, deadline - time.monotonic()))

    def _read(self, timeout: float) -> bool:
        readable, _, _ = select.select([self._main], [], [], max(0.0, timeout))
        try:
            data = os.read(self._main, 65536) if readable else b""
        except OSError:  # Linux's word for "the other end is closed"
            data = b""
        self.shown += data
        return bool(data)


OpenTerminal = Callable[..., Terminal]


@pytest.fixture
def terminal() -> Iterator[OpenTerminal]:
    opened: list[Terminal] = []

    def open_terminal(*arguments: str) -> Terminal:
        opened.append(Terminal(*arguments))
        return opened[-1]

    yield open_terminal
    for one in opened:
        one.close()


# -- generate


def test_generate_prints_the_answer_and_its_figures(gateway: FakeBackend, run: Run) -> None:
    gateway.script(CHAT, *answer("Because ", "of Rayleigh."))

    done = run("generate", "Why is the sky blue?", "--system", "Be short.", "-t", "0.5", "--max-tokens", "9")

    assert done.returncode == 0
    assert done.stdout == b"Because of Rayleigh.\n"
    assert done.stderr.decode() == "2 tokens · 50.1 tokens/s · first token after 40 ms · demo on embedded\n"
    assert gateway.requests[0].json == {
        "model": "",
        "messages": [
            {"role": "system", "content": "Be short."},
            {"role": "user", "content": "Why is the sky blue?"},
        ],
        "temperature": 0.5,
        "max_tokens": 9,
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_generate_shows_each_piece_at_once(gateway: FakeBackend) -> None:
    first_was_seen = threading.Event()
    finish = [event({"content": " two"}), event({}, "stop"), DONE]
    gateway.script(CHAT, SSE, Bytes(event({"content": "one"})), WaitFor(first_was_seen), Chunks(finish), End())

    with subprocess.Popen(
        command("generate", "Count.", "--url", gateway.url),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=ROOT,
        env=environment(),
    ) as process:
        assert process.stdout is not None
        assert process.stdout.read(3) == b"one"
        first_was_seen.set()
        assert process.stdout.read() == b" two\n"
    assert process.returncode == 0


def test_generate_reads_a_prompt_from_a_pipe(gateway: FakeBackend, run: Run) -> None:
    gateway.always(CHAT, *answer("Hello."))

    for arguments in (["generate", "-"], ["generate"]):
        assert run(*arguments, said="Grüße\n".encode()).returncode == 0

    assert [request.json["messages"][0]["content"] for request in gateway.requests] == ["Grüße\n", "Grüße\n"]


def test_generate_without_anything_to_answer_says_so(gateway: FakeBackend, run: Run) -> None:
    done = run("generate", "-", said=b" \n")

    assert done.returncode == 2
    assert b"The prompt is empty." in done.stderr
    assert gateway.requests == []


def test_an_image_travels_with_the_prompt(gateway: FakeBackend, run: Run, tmp_path: Path) -> None:
    picture = tmp_path / "picture.dat"
    picture.write_bytes(PNG)
    gateway.script(CHAT, *answer("A cat."))

    assert run("generate", "What is this?", "--image", str(picture)).returncode == 0

    text, image = gateway.requests[0].json["messages"][0]["content"]
    assert text == {"type": "text", "text": "What is this?"}
    assert image["image_url"]["url"] == "data:image/png;base64,iVBORw0KGgoAAAAAAAAAAAAAAAAAAAAA"


def test_a_file_that_is_no_image_is_not_sent(gateway: FakeBackend, run: Run, tmp_path: Path) -> None:
    secret = tmp_path / "secret.png"
    secret.write_text("password")

    done = run("generate", "What is this?", "--image", str(secret))

    assert (done.returncode, done.stderr) == (1, b"secret.png is no PNG, JPEG, GIF or WebP image.\n")
    assert gateway.requests == []


def test_an_answer_cannot_drive_the_terminal(gateway: FakeBackend, run: Run) -> None:
    gateway.script(CHAT, *answer("a\x1b", "[2Jb\x9b31mc\r\x07\x00\x7fd\n\te\u00e9 \x1b]52;c;aGk=\x07"))

    done = run("generate", "Hi")

    assert done.stdout.decode() == "a[2Jb31mcd\n\teé ]52;c;aGk=\n"


def test_a_console_without_a_character_shows_a_question_mark(gateway: FakeBackend, run: Run) -> None:
    gateway.script(CHAT, *answer("→ ok"))

    done = run("generate", "Hi", PYTHONUTF8="0", PYTHONIOENCODING="latin-1")

    assert (done.returncode, done.stdout) == (0, b"? ok\n")


@pytest.mark.parametrize(
    ("steps", "sentence"),
    [
        (
            [Bytes(event(error={"message": "The backend stopped\nin the middle.", "code": "truncated"})), End()],
            "The answer was cut: The backend stopped in the middle.",
        ),
        ([End()], "The answer was cut: the gateway's stream ended too early."),
        ([Bytes(DONE), End()], "The answer was cut: the stream ended without a finish."),
        ([Fin()], "The answer was cut: the connection to the gateway broke."),
        ([Reset()], "The answer was cut: the connection to the gateway broke."),
        ([Bytes(b"data: [1,\n\n"), End()], "The answer was cut: the gateway sent something that is no event."),
    ],
    ids=["error event", "end", "done without finish", "fin", "reset", "garbage"],
)
def test_a_cut_answer_is_never_taken_for_a_whole_one(
    gateway: FakeBackend, run: Run, steps: list[Step], sentence: str
) -> None:
    gateway.script(CHAT, SSE, Bytes(event({"content": "Half of"})), WaitFor(_set_event()), *steps)

    done = run("generate", "Hi")

    assert done.returncode == 1
    assert done.stdout == b"Half of\n"
    assert done.stderr.decode() == sentence + "\n"


def _set_event() -> threading.Event:
    event = threading.Event()
    event.set()
    return event


@pytest.mark.parametrize("delta", [None, 5, "text", {"content": 5}, {"content": None}, []])
def test_a_chunk_of_a_wrong_type_is_no_traceback(gateway: FakeBackend, run: Run, delta: Any) -> None:
    odd = b"data: " + json.dumps({"choices": [{"delta": delta, "finish_reason": 5}], "model": 5}).encode() + b"\n\n"
    gateway.script(CHAT, SSE, Chunks([odd, event({"content": "ok"}), event({}, "stop"), DONE]), End())

    done = run("generate", "Hi")

    assert (done.returncode, done.stdout) == (0, b"ok\n")


def test_an_error_of_the_gateway_is_one_sentence(gateway: FakeBackend, run: Run) -> None:
    error = {"message": "There is no model \x1b[31mnope.", "code": "model_not_found"}
    gateway.script(CHAT, Status(404, body={"error": error}))

    done = run("generate", "Hi", "--model", "nope")

    assert (done.returncode, done.stdout, done.stderr) == (1, b"", b"There is no model [31mnope.\n")


def test_a_gateway_that_is_down_is_a_sentence_that_helps(gateway: FakeBackend, run: Run) -> None:
    gateway.stop()

    for arguments in (["generate", "Hi"], ["models"], ["stats"]):
        done = run(*arguments)

        assert done.returncode == 1
        told = f"No gateway answers at {gateway.url}. Start it with: make run (or: python -m backend serve).\n"
        assert done.stderr.decode() == told


def test_a_stranger_at_the_address_is_recognised(gateway: FakeBackend, run: Run) -> None:
    gateway.always("/models", Status(200, body="<html>"))
    gateway.always("/stats", Status(302, {"location": "http://127.0.0.1:1/"}))
    gateway.always(CHAT, Status(200, body={"choices": []}))

    for arguments in (["generate", "Hi"], ["models"], ["stats"]):
        done = run(*arguments)

        assert done.returncode == 1
        assert done.stderr.decode().startswith(f"What answers at {gateway.url} is no Passerelle gateway")


@pytest.mark.parametrize("url", ["127.0.0.1:8089", "ftp://127.0.0.1", "http://", "http://[::1", "héé://x"])
def test_an_address_that_is_none_is_a_sentence(run: Run, url: str) -> None:
    done = run("models", "--url", url)

    assert done.returncode == 1
    assert len(done.stderr.decode().splitlines()) == 1
    assert b"Traceback" not in done.stderr


def test_ctrl_c_aborts_the_generation(gateway: FakeBackend) -> None:
    gateway.script(CHAT, SSE, Bytes(event({"content": "Once"})), UntilClientLeaves())

    with subprocess.Popen(
        command("generate", "A tale.", "--url", gateway.url),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        env=environment(),
    ) as process:
        assert process.stdout is not None
        assert process.stdout.read(4) == b"Once"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=DEADLINE_S)

    assert (process.returncode, out, err) == (130, b"\n", b"")
    assert gateway.requests[0].wait_closed()


def test_ctrl_c_aborts_while_nothing_has_come_yet(gateway: FakeBackend) -> None:
    gateway.script(CHAT, UntilClientLeaves())

    with subprocess.Popen(
        command("generate", "A tale.", "--url", gateway.url),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        env=environment(),
    ) as process:
        request = gateway.wait_request()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=DEADLINE_S)

    assert (process.returncode, out, err) == (130, b"", b"")
    assert request.wait_closed()


def test_a_reader_that_leaves_ends_the_generation_quietly(gateway: FakeBackend) -> None:
    gateway.script(CHAT, SSE, Chunks([event({"content": "word\n"})] * 20_000, 0.0005), End())

    with subprocess.Popen(
        command("generate", "Go on.", "--url", gateway.url),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        env=environment(),
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.read(5) == b"word\n"
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1
    assert gateway.requests[0].wait_closed()


def test_reasoning_is_shown_dimmed_on_a_terminal_and_apart_from_the_answer(
    gateway: FakeBackend, terminal: OpenTerminal
) -> None:
    thought = event({"reasoning_content": "Hm.\x1b[2J", "reasoning": "Hm.\x1b[2J"})
    gateway.script(CHAT, SSE, Chunks([thought, event({"content": "42"}), event({}, "length"), DONE]), End())

    shell = terminal("generate", "?", "--url", gateway.url)
    status = shell.end()

    assert status == 0
    assert shell.shown.decode() == "\x1b[2mHm.[2J\x1b[0m\r\n\r\n42\r\ndemo · stopped at the longest length\r\n"


def test_reasoning_stays_out_of_files(gateway: FakeBackend, run: Run) -> None:
    gateway.script(CHAT, SSE, Chunks([event({"reasoning": "Hm."}), event({"content": "42"}, "stop"), DONE]), End())

    done = run("generate", "?")

    assert (done.stdout, done.stderr) == (b"42\n", b"demo\n")


# -- chat


def test_chat_remembers_what_was_said(gateway: FakeBackend, terminal: OpenTerminal) -> None:
    gateway.script(CHAT, *answer("Salut Ada !"))
    gateway.script(CHAT, *answer("Ada."))

    shell = terminal("chat", "--system", "Be kind.", "--url", gateway.url)
    shell.wait_for("> ")
    shell.type("I am Ada.\r")
    shell.wait_for("Salut Ada !")
    shell.wait_for("> ")
    shell.type("Who am I?\r")
    shell.wait_for("Ada.")
    shell.wait_for("> ")
    shell.type("\x04")

    assert shell.end() == 0
    assert gateway.requests[1].json["messages"] == [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "I am Ada."},
        {"role": "assistant", "content": "Salut Ada !"},
        {"role": "user", "content": "Who am I?"},
    ]


def test_chat_obeys_its_commands(gateway: FakeBackend, terminal: OpenTerminal) -> None:
    gateway.always(CHAT, *answer("Hello."))

    shell = terminal("chat", "--url", gateway.url)
    shell.wait_for("> ")
    for said, shown in [
        ("Hi", "Hello."),
        ("/clear", "Forgotten."),
        ("/model tiny", "Now talking to tiny."),
        ("/nonsense", "There is no /nonsense."),
        ("/help", "forget what was said"),
        ("/etc/hosts is what?", "Hello."),
    ]:
        shell.type(said + "\r")
        shell.wait_for(shown)
        shell.wait_for("> ")
    shell.type("/quit\r")

    assert shell.end() == 0
    assert [request.json["model"] for request in gateway.requests] == ["", "tiny"]
    assert gateway.requests[1].json["messages"] == [{"role": "user", "content": "/etc/hosts is what?"}]


def test_ctrl_c_in_chat_aborts_the_answer_and_comes_back_to_the_prompt(
    gateway: FakeBackend, terminal: OpenTerminal
) -> None:
    gateway.script(CHAT, SSE, Bytes(event({"content": "Once upon"})), UntilClientLeaves())
    gateway.script(CHAT, *answer("Fine."))

    shell = terminal("chat", "--url", gateway.url)
    shell.wait_for("> ")
    shell.type("A tale.\r")
    shell.wait_for("Once upon")
    shell.interrupt_until("> ")
    assert gateway.requests[0].wait_closed()
    shell.interrupt_until("Ctrl-D or /quit leaves.")
    shell.wait_for("> ")
    shell.type("Stop there.\r")
    shell.wait_for("Fine.")
    shell.wait_for("> ")
    shell.type("\x04")

    assert shell.end() == 0
    assert b"Traceback" not in shell.shown
    assert [message["content"] for message in gateway.requests[1].json["messages"]] == [
        "A tale.",
        "Once upon",
        "Stop there.",
    ]


def test_a_question_that_failed_is_not_asked_again(gateway: FakeBackend, run: Run) -> None:
    gateway.script(CHAT, Status(503, body={"error": {"message": "Ollama does not answer."}}))
    gateway.script(CHAT, *answer("Yes."))

    done = run("chat", said=b"One?\nTwo?\n")

    assert (done.returncode, done.stdout) == (0, b"Yes.\n")
    assert done.stderr.startswith(b"Ollama does not answer.\n")
    assert gateway.requests[1].json["messages"] == [{"role": "user", "content": "Two?"}]


# -- models and stats

MODELS = {
    "object": "list",
    "backend": "ollama",
    "default_model": "llama3.2:latest",
    "data": [
        {
            "id": "llama3.2:latest",
            "size_bytes": 2019393189,
            "parameters": "3.2B",
            "quantization": "Q4_K_M",
            "context_length": 131072,
            "is_loaded": True,
            "capabilities": ["completion", "tools"],
        },
        {"id": "evil\x1b[2J\nname", "size_bytes": None, "is_loaded": False, "is_demo": True},
        "no model at all",
    ],
}


def test_models_are_an_aligned_table(gateway: FakeBackend, run: Run) -> None:
    gateway.script("/models", Status(200, body=MODELS))

    done = run("models")

    assert done.stdout.decode().splitlines() == [
        "Backend: ollama",
        "",
        "   MODEL                SIZE    PARAMETERS  QUANTIZATION  CONTEXT  LOADED  CAN",
        "*  llama3.2:latest      2.0 GB  3.2B        Q4_K_M        131072   yes     completion, tools",
        "   evil[2J name (demo)  -       -           -             -        no      -",
    ]


def test_models_as_json_are_what_the_gateway_said(gateway: FakeBackend, run: Run) -> None:
    listing = {**MODELS, "data": MODELS["data"][:1]}
    gateway.script("/models", Status(200, body=listing))

    assert json.loads(run("models", "--json").stdout) == listing


@pytest.mark.parametrize("data", [[], None, "x", {"a": 1}])
def test_a_backend_without_models_is_a_sentence(gateway: FakeBackend, run: Run, data: Any) -> None:
    gateway.script("/models", Status(200, body={"backend": "ollama", "data": data}))

    assert run("models").stdout == b"The backend (ollama) has no model.\n"


TALLY = {
    "requests": 12,
    "in_flight": 1,
    "aborted": 2,
    "errors": {"truncated": 2, "backend_timeout": 1},
    "input_tokens": 340,
    "output_tokens": 5120,
    "ttft_ms": {"p50": 40.0, "p95": 90.25, "p99": 120.0},
    "tokens_per_second": {"p50": None, "p95": None, "p99": None},
}
STATS = {
    "since": "2026-11-21T12:00:00+00:00",
    "uptime_s": 3725.2,
    "totals": TALLY,
    "models": {"demo": TALLY},
    "backend": {"name": "embedded", "url": "http://127.0.0.1:4", "version": "", "ok": False, "message": "Starting."},
    "memory": {"gateway_bytes": 52428800, "models": [{"id": "demo", "bytes": 61000000}]},
}


def test_stats_are_a_readable_table(gateway: FakeBackend, run: Run) -> None:
    gateway.script("/stats", Status(200, body=STATS))

    lines = run("stats").stdout.decode().splitlines()

    assert lines[:4] == [
        "Since 2026-11-21T12:00:00+00:00, 1 h 2 min.",
        "Backend: embedded at http://127.0.0.1:4: does not answer. Starting.",
        "Memory: gateway 52.4 MB, demo 61.0 MB.",
        "",
    ]
    assert re.split(r"  +", lines[5]) == ["demo", "12", "1", "2", "3", "340", "5120", "40.0 / 90.2 / 120.0"]
    assert lines[6].startswith("all ")
    assert lines[8] == "Failures: truncated 2, backend_timeout 1."


def test_stats_of_a_model_say_all_that_is_known(gateway: FakeBackend, run: Run) -> None:
    known = {"license": "MIT\nas is", "families": ["llama", "clip"], "context_length": 4096, "details": {"a": 1}}
    gateway.script("/stats", Status(200, body=known))

    done = run("stats", "llama3.2:latest")

    assert gateway.requests[0].query == "model=llama3.2%3Alatest"
    assert done.stdout.decode().splitlines() == [
        "license:",
        "  MIT",
        "  as is",
        "families: llama, clip",
        "context_length: 4096",
        "details:",
        "  {",
        '    "a": 1',
        "  }",
    ]


@pytest.mark.parametrize("body", [{}, {"totals": 5, "models": [], "backend": "x", "memory": {"models": [1]}}])
def test_stats_of_a_wrong_shape_are_no_traceback(gateway: FakeBackend, run: Run, body: dict[str, Any]) -> None:
    gateway.script("/stats", Status(200, body=body))

    done = run("stats")

    assert (done.returncode, done.stderr) == (0, b"")


# -- managing models

NDJSON = Head(200, {"content-type": "application/x-ndjson"})


def stage(status: str, fraction: float | None = None, detail: str = "", total: int = 2_000_000_000) -> bytes:
    known = {"completed": None, "total": None} if fraction is None else {"completed": 1, "total": total}
    return json.dumps({"status": status, "detail": detail, **known, "fraction": fraction}).encode() + b"\n"


def pulled(model: Any) -> bytes:
    return json.dumps({"status": "done", "model": model}).encode() + b"\n"


def test_pull_says_how_far_it_is_a_line_a_tenth(gateway: FakeBackend, run: Run) -> None:
    steps = [stage("starting", detail="pulling manifest"), *[stage("downloading", n / 100) for n in range(0, 100, 4)]]
    done_line = pulled({"id": "llama3.2:latest", "size_bytes": 2_019_393_189})
    gateway.script("/models/pull", NDJSON, Chunks([*steps, stage("verifying", 1), done_line]), End())

    done = run("pull", "llama3.2")

    assert (done.returncode, done.stdout) == (0, b"Pulled llama3.2:latest, 2.0 GB.\n")
    said = done.stderr.decode().splitlines()
    assert said[0] == "starting: pulling manifest"
    assert said[1:3] == ["downloading, 0% of 2.0 GB", "downloading, 12% of 2.0 GB"]
    assert said[-1] == "verifying, 100% of 2.0 GB"
    assert len(said) == 12
    assert gateway.requests[0].json == {"model": "llama3.2"}


def test_pull_draws_a_bar_on_a_terminal(gateway: FakeBackend, terminal: OpenTerminal) -> None:
    seen = threading.Event()
    gateway.script(
        "/models/pull", NDJSON, Chunks([stage("downloading", 0.5)]), WaitFor(seen), Bytes(pulled(None)), End()
    )
    shell = terminal("pull", "a/b", "--url", gateway.url)

    shell.wait_for("downloading [############............] 50% of 2.0 GB")
    seen.set()

    assert shell.end() == 0
    assert shell.shown.decode().endswith("\r\x1b[KPulled a/b.\r\n")


@pytest.mark.parametrize(
    ("steps", "sentence"),
    [
        (
            [Bytes(b'{"error":{"message":"Ollama broke\\u001b[2J off.","code":"truncated"}}\n'), End()],
            "Ollama broke[2J off.",
        ),
        ([End()], "The pull was cut: the gateway's stream ended too early."),
        ([Fin()], "The pull was cut: the connection to the gateway broke."),
        ([Reset()], "The pull was cut: the connection to the gateway broke."),
        ([Bytes(b"[1,\n"), End()], "The pull was cut: the gateway sent something that is no progress."),
        ([Bytes(b'{"status":5}\n'), End()], "The pull was cut: the gateway sent something that is no progress."),
    ],
    ids=["error line", "end", "fin", "reset", "garbage", "wrong type"],
)
def test_a_cut_pull_is_never_taken_for_a_whole_one(
    gateway: FakeBackend, run: Run, steps: list[Step], sentence: str
) -> None:
    gateway.script("/models/pull", NDJSON, Bytes(stage("downloading", 0.1)), WaitFor(_set_event()), *steps)

    done = run("pull", "llama3.2")

    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.decode().splitlines()[-1] == sentence


def test_ctrl_c_stops_a_pull(gateway: FakeBackend) -> None:
    gateway.script("/models/pull", NDJSON, Bytes(stage("downloading", 0.1)), UntilClientLeaves())

    with subprocess.Popen(
        command("pull", "llama3.2", "--url", gateway.url),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        env=environment(),
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=DEADLINE_S)

    assert (process.returncode, out, err) == (130, b"", b"")
    assert gateway.requests[0].wait_closed()


def test_load_and_unload_say_what_came_of_it(gateway: FakeBackend, run: Run) -> None:
    gateway.script("/models/load", Status(200, body={"id": "llama3.2:latest", "is_loaded": True}))
    gateway.script("/models/unload", Status(200, body={"id": "llama3.2:latest", "is_loaded": False}))
    gateway.script("/models/unload", Status(200, body={"id": "llama3.2:latest", "is_loaded": True}))

    assert run("load", "llama3.2").stdout == b"llama3.2:latest is loaded.\n"
    assert run("unload", "llama3.2").stdout == b"llama3.2:latest is unloaded.\n"
    assert run("unload", "llama3.2").stdout == b"llama3.2:latest is still answering somebody; it leaves then.\n"
    assert [request.json for request in gateway.requests] == [{"model": "llama3.2"}] * 3


def test_rm_deletes_by_the_whole_name_when_told_yes(gateway: FakeBackend, run: Run) -> None:
    path = "/models/hf.co/a/b%20c:q4"
    gateway.script(path, Status(200, body={"id": "hf.co/a/b c:q4", "object": "model", "deleted": True}))

    done = run("rm", "--yes", "hf.co/a/b c:q4")

    assert (done.returncode, done.stdout) == (0, b"Deleted hf.co/a/b c:q4.\n")
    assert (gateway.requests[0].method, gateway.requests[0].path) == ("DELETE", path)


def test_rm_deletes_nothing_where_nobody_can_be_asked(gateway: FakeBackend, run: Run) -> None:
    done = run("rm", "llama3.2", said=b"y\n")

    assert done.returncode == 2
    assert b"--yes" in done.stderr
    assert gateway.requests == []


@pytest.mark.parametrize(("typed", "status", "count"), [("y\r", 0, 1), ("n\r", 1, 0), ("\r", 1, 0)])
def test_rm_asks_first(gateway: FakeBackend, terminal: OpenTerminal, typed: str, status: int, count: int) -> None:
    gateway.always("/models/llama3.2", Status(200, body={"id": "llama3.2:latest", "deleted": True}))
    shell = terminal("rm", "llama3.2", "--url", gateway.url)

    shell.wait_for("Delete llama3.2 for good? [y/N]: ")
    shell.type(typed)

    assert shell.end() == status
    assert len(gateway.requests) == count


def test_ctrl_c_at_the_question_of_rm_deletes_nothing(gateway: FakeBackend, terminal: OpenTerminal) -> None:
    shell = terminal("rm", "llama3.2", "--url", gateway.url)

    shell.wait_for("Delete llama3.2 for good? [y/N]: ")

    assert shell.interrupt_until_the_end() == 130
    assert gateway.requests == []


def test_a_refusal_to_manage_is_the_gateways_sentence(gateway: FakeBackend, run: Run) -> None:
    error = {"message": "Put MANAGE_MODELS=true into .env.", "code": "management_off"}
    for path in ("/models/load", "/models/unload", "/models/pull", "/models/a"):
        gateway.script(path, Status(403, body={"error": error}))

    for arguments in (["load", "a"], ["unload", "a"], ["pull", "a"], ["rm", "a", "--yes"]):
        done = run(*arguments)

        assert (done.returncode, done.stdout) == (1, b"")
        assert done.stderr == b"Put MANAGE_MODELS=true into .env.\n"


def test_the_real_gateway_is_managed_from_the_command_line(run: Run) -> None:
    with (
        FakeBackend("ollama") as fake,
        RunningGateway(BACKEND="ollama", OLLAMA_URL=fake.url, MANAGE_MODELS="true") as managed,
    ):
        url = ["--url", managed.url]

        assert run("pull", "smollm2:135m", *url).stdout.startswith(b"Pulled smollm2:135m, ")
        assert run("load", "smollm2:135m", *url).stdout == b"smollm2:135m is loaded.\n"
        assert run("unload", "smollm2:135m", *url).stdout == b"smollm2:135m is unloaded.\n"
        fake.models = [*fake.models, FakeModel("copy:latest", copy_of="smollm2:135m")]
        assert run("load", "smollm2:135m", *url).stdout == b"smollm2:135m is loaded.\n"
        assert b"--force" in run("unload", "copy", *url).stderr
        assert run("unload", "--force", "copy", *url).stdout == b"copy:latest is unloaded.\n"
        fake.models = fake.models[:-1]
        assert run("rm", "--yes", "smollm2:135m", *url).stdout == b"Deleted smollm2:135m.\n"
        assert [model.name for model in fake.models] == ["llama3.2:latest"]


# -- keys


def test_a_key_comes_from_the_environment(gateway: FakeBackend, run: Run) -> None:
    gateway.script("/models", Status(200, body=MODELS))

    run("models", PASSERELLE_KEY="a-key-of-mine-123")

    assert gateway.requests[0].headers["authorization"] == "Bearer a-key-of-mine-123"


def test_the_gateway_of_the_settings_gets_their_first_key(gateway: FakeBackend, run: Run) -> None:
    gateway.script("/models", Status(200, body=MODELS))

    run("models", PASSERELLE_URL="", PORT=str(gateway.port), API_KEYS="first-key-0123456,second-key-012345")

    assert gateway.requests[0].headers["authorization"] == "Bearer first-key-0123456"


def test_a_gateway_named_by_address_never_gets_a_key_of_the_settings(gateway: FakeBackend, run: Run) -> None:
    gateway.script("/models", Status(200, body=MODELS))

    run("models", API_KEYS="first-key-0123456", PORT=str(gateway.port))

    assert "authorization" not in gateway.requests[0].headers


def test_a_wrong_key_is_a_sentence_that_says_where_it_goes(gateway: FakeBackend, run: Run) -> None:
    gateway.script("/models", Status(401, body={"error": {"message": "A key is needed."}}))

    done = run("models")

    assert (done.returncode, done.stderr) == (1, b"A key is needed. Put it in PASSERELLE_KEY.\n")


def test_a_key_that_cannot_be_sent_is_a_sentence(run: Run) -> None:
    done = run("models", PASSERELLE_KEY="clé-→")

    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "clé".encode() not in done.stderr


# -- help and settings


def test_every_command_explains_itself(run: Run) -> None:
    assert set(COMMANDS) <= set(run("--help").stdout.decode().split())
    for name in COMMANDS:
        done = run(name, "--help")

        assert done.returncode == 0
        assert f"Usage: python -m backend {name}" in done.stdout.decode()


def test_wrong_settings_are_all_named_and_the_status_is_2(run: Run) -> None:
    for arguments in (["serve"], ["models"]):
        done = run(*arguments, PORT="eighty", BACKEND="cloud", PASSERELLE_URL="")

        assert done.returncode == 2
        assert done.stderr.decode().splitlines() == [
            "PORT must be a whole number from 1 to 65535.",
            "BACKEND must be one of auto, ollama, lmstudio, openai, embedded.",
        ]


def test_the_command_line_starts_without_what_a_command_may_never_need() -> None:
    heavy = {"flask", "gevent", "requests", "gunicorn", "xllamacpp", "backend.settings"}

    done = subprocess.run(
        [sys.executable, "-c", "import sys, backend.terminal.commands; print(*sys.modules)"],
        capture_output=True,
        cwd=ROOT,
        check=True,
    )

    assert not heavy & set(done.stdout.decode().split())


# -- with the gateway itself


def test_every_command_works_with_the_running_gateway(embedded: RunningGateway, run: Run) -> None:
    url = ["--url", embedded.url]

    answered = run("generate", "What is a token?", *url)
    talked = run("chat", *url, said=b"What is a token?\n")

    assert answered.stdout.startswith(b"Tokens are the small pieces of text")
    assert talked.stdout == answered.stdout
    assert re.search(
        rb"\d+ tokens .* tokens/s .* first token after \d+ ms .* passerelle-demo on embedded", answered.stderr
    )
    assert re.search(rb"^\*  passerelle-demo \(demo\)", run("models", *url).stdout, re.MULTILINE)
    assert re.search(rb"^passerelle-demo +[2-9]", run("stats", *url).stdout, re.MULTILINE)
    assert b"license: MIT" in run("stats", "passerelle-demo", *url).stdout


def test_an_interrupted_generation_is_counted_as_aborted_and_no_longer_in_flight(
    embedded: RunningGateway, run: Run
) -> None:
    def tally() -> dict[str, Any]:
        totals: dict[str, Any] = json.loads(run("stats", "--json", "--url", embedded.url).stdout)["totals"]
        return totals

    before = tally()
    with subprocess.Popen(
        command("generate", "Tell me a story.", "--url", embedded.url),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=ROOT,
        env=environment(),
    ) as process:
        assert process.stdout is not None
        assert process.stdout.read(1)
        process.send_signal(signal.SIGINT)
        process.stdout.read()
    assert process.returncode == 130

    after = tally()
    assert after["aborted"] == before["aborted"] + 1
    assert after["in_flight"] == 0
