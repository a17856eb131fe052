"""Writes small GGUF files, good and bad, for tests."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

from backend.engine.folder import DEMO_PATH
from backend.engine.gguf import read_header

ALIGNMENT = 32


def text(value: str) -> bytes:
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def entry(key: str, value: str | int | float | Sequence[str]) -> bytes:
    if isinstance(value, str):
        return text(key) + struct.pack("<I", 8) + text(value)
    if isinstance(value, float):
        return text(key) + struct.pack("<If", 6, value)
    if isinstance(value, Sequence):
        return text(key) + struct.pack("<IIQ", 9, 8, len(value)) + b"".join(map(text, value))
    return text(key) + struct.pack("<II", 4, value)


def tensor(name: str, shape: tuple[int, ...], kind: int) -> bytes:
    return text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, 0)


def gguf(path: Path, entries: Sequence[bytes], tensors: Sequence[bytes] = ()) -> Path:
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(entries))
    path.write_bytes(head + b"".join(entries) + b"".join(tensors))
    return path


def with_entries(source: Path, target: Path, entries: Sequence[bytes]) -> Path:
    """A copy of a real model with further entries at the start of its header."""
    data, end = source.read_bytes(), read_header(source).data_offset
    version, tensors, count = struct.unpack("<IQQ", data[4:24])
    head = b"GGUF" + struct.pack("<IQQ", version, tensors, count + len(entries)) + b"".join(entries) + data[24:end]
    weights = data[end + -end % ALIGNMENT :]
    target.write_bytes(head + bytes(-len(head) % ALIGNMENT) + weights)
    return target


def english_only(target: Path) -> Path:
    """The demo model under another name, which says of itself that it speaks English."""
    both, one = text("en") + text("fr"), text("en") + text("en")
    data = DEMO_PATH.read_bytes()
    assert data.count(both) == 1
    target.write_bytes(data.replace(both, one))
    return target
