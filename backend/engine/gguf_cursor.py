"""Walks through the header of a GGUF file, bounded, and trusting nothing in it."""

from __future__ import annotations

import struct
from math import isfinite, prod
from typing import BinaryIO

from backend.engine.ggml import Tensor, tensor

Value = str | int | float | bool | tuple[str, ...]

MAX_HEADER = 64 * 1024 * 1024
MAX_ENTRIES = 65_536
MAX_TENSORS = 262_144
MAX_ELEMENTS = 2_000_000
MAX_TEXT = 1024 * 1024
MAX_NAME = 65_535
MAX_DIMENSIONS = 4
MAX_WORDS, MAX_WORD = 64, 256
BLOCK = 1024 * 1024

SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
STRING, ARRAY = 8, 9


class NotGGUF(Exception):
    """The file is no GGUF that we can read; the message is the end of a sentence: "… it <message>"."""


class Ended(NotGGUF):
    """There is more of it somewhere else."""


class Cursor:
    """Reads in blocks, so that a vocabulary of 250,000 words costs no memory."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._block = b""
        self._at = 0
        self._read = 0

    @property
    def position(self) -> int:
        return self._read - len(self._block) + self._at

    def take(self, size: int) -> bytes:
        if self._at + size > len(self._block):
            self._refill(size)
        piece = self._block[self._at : self._at + size]
        self._at += size
        return piece

    def _refill(self, size: int) -> None:
        pieces = [self._block[self._at :]]
        held = len(pieces[0])
        while held < size:
            if self._read > MAX_HEADER:
                raise NotGGUF("has a header that is too large to be true")
            piece = self._file.read(max(BLOCK, size - held))
            if not piece:
                raise Ended("ends in the middle of its header (an unfinished download?)")
            pieces.append(piece)
            held += len(piece)
            self._read += len(piece)
        self._block, self._at = b"".join(pieces), 0

    def _skip(self, size: int) -> None:
        if self._at + size <= len(self._block):
            self._at += size
            return
        if size > MAX_HEADER:
            raise NotGGUF("has a header that is too large to be true")
        while size > 0:
            step = min(size, BLOCK)
            self.take(step)
            size -= step

    def size(self) -> int:
        """A count, length or dimension: eight bytes."""
        return int.from_bytes(self.take(8), "little")

    def kind(self) -> int:
        """A type or version: four bytes."""
        return int.from_bytes(self.take(4), "little")

    def count(self, limit: int, of: str) -> int:
        number = self.size()
        if number > limit:
            raise NotGGUF(f"claims to hold {number} {of}")
        return number

    def text(self, limit: int) -> str | None:
        """A string; None, and skipped, where it is longer than `limit` bytes."""
        size = self.size()
        if size > limit:
            self._skip(size)
            return None
        return self.take(size).decode("utf-8", "replace")

    def entry(self) -> tuple[str, Value] | None:
        key = self.text(MAX_NAME)
        kind = self.kind()
        if kind == ARRAY:
            words = self._array(is_kept=key is not None and key.startswith("general."))
            return (key, words) if key and words else None
        value = self.text(MAX_TEXT) if kind == STRING else self._scalar(kind)
        if key is None or value is None or (isinstance(value, float) and not isfinite(value)):
            return None
        return key, value

    def _scalar(self, kind: int) -> Value:
        if kind not in SCALARS:
            raise NotGGUF(f"holds a value of unknown type {kind}")
        code = "<" + SCALARS[kind]
        value: Value = struct.unpack(code, self.take(struct.calcsize(code)))[0]
        return value

    def _array(self, is_kept: bool) -> tuple[str, ...]:
        """Words where there are a few and they are wanted; all else is skipped."""
        kind = self.kind()
        elements = self.count(MAX_ELEMENTS, "elements in one list")
        if kind == STRING and is_kept and elements <= MAX_WORDS:
            return tuple(word for _ in range(elements) if (word := self.text(MAX_WORD)))
        if kind == STRING:
            self._skip_texts(elements)
        elif kind in SCALARS:
            self._skip(elements * struct.calcsize("<" + SCALARS[kind]))
        else:
            raise NotGGUF(f"holds a list of unknown type {kind}")
        return ()

    def _skip_texts(self, count: int) -> None:
        """The bulk of a header: a vocabulary has some 250,000 words. So no calls inside the loop."""
        while count > 0:
            block, at, last = self._block, self._at, len(self._block) - 8
            while count > 0 and at <= last:
                after = at + 8 + int.from_bytes(block[at : at + 8], "little")
                if after > len(block):
                    break
                at = after
                count -= 1
            self._at = at
            if count > 0:
                self._skip(self.size())
                count -= 1

    def tensor(self) -> Tensor:
        self.text(MAX_NAME)
        dimensions = self.kind()
        if dimensions > MAX_DIMENSIONS:
            raise NotGGUF(f"claims to hold a tensor of {dimensions} dimensions")
        weights = prod(self.size() for _ in range(dimensions))
        kind = self.kind()
        return tensor(kind, weights, self.size())
