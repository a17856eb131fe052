"""What a real Ollama 0.32.15 answered, byte for byte, chunks and all (`corpus/ollama/`); the fake can say it again."""

from __future__ import annotations

import http.client
import io
from dataclasses import dataclass
from pathlib import Path

from tests.fake_steps import Fin, RawBytes, Step

FOLDER = Path(__file__).resolve().parent / "corpus" / "ollama"


def captured(name: str) -> bytes:
    return (FOLDER / f"{name}.http").read_bytes()


def replay(name: str) -> tuple[Step, ...]:
    """The steps that say just that; they came with `Connection: close`."""
    return RawBytes(captured(name)), Fin()


@dataclass(frozen=True)
class Captured:
    """One answer, its framing taken off."""

    status: int
    content_type: str
    body: bytes


def read(name: str) -> Captured:
    response = http.client.HTTPResponse(_Wire(captured(name)))  # type: ignore[arg-type]
    response.begin()
    return Captured(response.status, response.headers["Content-Type"] or "", response.read())


class _Wire:
    """As much of a socket as http.client wants."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, _: str) -> io.BytesIO:
        return io.BytesIO(self._data)
