"""Read what a GGUF file says of itself: its header only, bounded, and trusting nothing in it.

The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. The `gguf` package would read it
too, but brings numpy; we need some twenty values and the number of weights.
"""

from __future__ import annotations

import struct
from collections import Counter
from dataclasses import dataclass, field
from math import isfinite, prod
from pathlib import Path
from typing import BinaryIO

Value = str | int | float | bool

MAGIC = b"GGUF"
VERSIONS = (2, 3)
MAX_HEADER = 64 * 1024 * 1024
MAX_ENTRIES = 65_536
MAX_TENSORS = 262_144
MAX_ELEMENTS = 2_000_000
MAX_TEXT = 1024 * 1024
MAX_NAME = 65_535
MAX_DIMENSIONS = 4
BLOCK = 1024 * 1024

SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
STRING, ARRAY = 8, 9

# ggml's tensor types, and llama.cpp's mixtures of them (`general.file_type`), under their usual names.
TENSOR_TYPES = {
    0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 6: "Q5_0", 7: "Q5_1", 8: "Q8_0", 10: "Q2_K", 11: "Q3_K", 12: "Q4_K",
    13: "Q5_K", 14: "Q6_K", 16: "IQ2_XXS", 17: "IQ2_XS", 18: "IQ3_XXS", 19: "IQ1_S", 20: "IQ4_NL", 21: "IQ3_S",
    22: "IQ2_S", 23: "IQ4_XS", 29: "IQ1_M", 30: "BF16", 34: "TQ1_0", 35: "TQ2_0", 39: "MXFP4",
}  # fmt: skip
FILE_TYPES = {
    0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 7: "Q8_0", 8: "Q5_0", 9: "Q5_1", 10: "Q2_K", 11: "Q3_K_S",
    12: "Q3_K_M", 13: "Q3_K_L", 14: "Q4_K_S", 15: "Q4_K_M", 16: "Q5_K_S", 17: "Q5_K_M", 18: "Q6_K", 19: "IQ2_XXS",
    20: "IQ2_XS", 21: "Q2_K_S", 22: "IQ3_XS", 23: "IQ3_XXS", 24: "IQ1_S", 25: "IQ4_NL", 26: "IQ3_S", 27: "IQ3_M",
    28: "IQ2_S", 29: "IQ2_M", 30: "IQ4_XS", 31: "IQ1_M", 32: "BF16", 36: "TQ1_0", 37: "TQ2_0", 38: "MXFP4",
    39: "NVFP4", 40: "Q1_0",
}  # fmt: skip


class NotGGUF(Exception):
    """The file is no GGUF that we can read; the message is the end of a sentence: "… it <message>"."""


@dataclass(frozen=True, slots=True)
class Header:
    """A model file's own description. Arrays (the vocabulary) are left out, and so are texts over 1 MiB.

    `data_offset` is where the header ends, before the padding that precedes the weights (bytes).
    """

    values: dict[str, Value] = field(repr=False)
    parameter_count: int
    tensor_types: dict[str, int]
    data_offset: int

    def text(self, key: str) -> str | None:
        value = self.values.get(key)
        return value if isinstance(value, str) and value else None

    def whole(self, key: str) -> int | None:
        value = self.values.get(key)
        return value if type(value) is int and value >= 0 else None

    @property
    def architecture(self) -> str:
        return self.text("general.architecture") or ""

    @property
    def trained_context(self) -> int | None:
        return self.whole(f"{self.architecture}.context_length") or None

    @property
    def makes_embeddings(self) -> bool:
        """llama.cpp answers /v1/embeddings only for a model that says how to pool its tokens (0 is "not")."""
        return bool(self.whole(f"{self.architecture}.pooling_type"))

    @property
    def quantization(self) -> str | None:
        """llama.cpp's name of the mixture, else the type of most tensors that are not plain vectors."""
        named = self.whole("general.file_type")
        if named in FILE_TYPES:
            return FILE_TYPES[named]
        matrices = {name: count for name, count in self.tensor_types.items() if name != "F32"} or self.tensor_types
        return max(matrices, key=lambda name: matrices[name], default=None)

    @property
    def parameters(self) -> str | None:
        """Such as "1.5B", "135M" or "2.6M": as the author says, else counted."""
        if label := self.text("general.size_label"):
            return label[:32]
        for unit, size in (("B", 1e9), ("M", 1e6), ("K", 1e3)):
            if self.parameter_count >= size:
                number = self.parameter_count / size
                return f"{number:.0f}{unit}" if number >= 100 else f"{number:.1f}".removesuffix(".0") + unit
        return None


def read_header(path: Path) -> Header:
    """Read the header of one file. Raises NotGGUF, and OSError where it cannot be read at all."""
    with path.open("rb", buffering=0) as file:
        cursor = _Cursor(file)
        if cursor.take(4) != MAGIC:
            raise NotGGUF("is not a GGUF file")
        version = cursor.kind()
        if version not in VERSIONS:
            raise NotGGUF(f"is GGUF of version {version}, but only versions 2 and 3 can be read")
        tensors = cursor.count(MAX_TENSORS, "tensors")
        entries = cursor.count(MAX_ENTRIES, "entries")
        values = dict(pair for _ in range(entries) if (pair := cursor.entry()) is not None)
        sizes: Counter[str] = Counter()
        weights = 0
        for _ in range(tensors):
            kind, size = cursor.tensor()
            sizes[kind] += 1
            weights += size
        return Header(values, weights, dict(sizes), cursor.position)


class _Cursor:
    """Walks through a header in blocks, so that a vocabulary of 250,000 words costs no memory."""

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
                raise NotGGUF("ends in the middle of its header (an unfinished download?)")
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
            self._skip_array()
            return None
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

    def _skip_array(self) -> None:
        kind = self.kind()
        elements = self.count(MAX_ELEMENTS, "elements in one list")
        if kind == STRING:
            self._skip_texts(elements)
        elif kind in SCALARS:
            self._skip(elements * struct.calcsize("<" + SCALARS[kind]))
        else:
            raise NotGGUF(f"holds a list of unknown type {kind}")

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

    def tensor(self) -> tuple[str, int]:
        """Type and number of weights of the next tensor."""
        self.text(MAX_NAME)
        dimensions = self.kind()
        if dimensions > MAX_DIMENSIONS:
            raise NotGGUF(f"claims to hold a tensor of {dimensions} dimensions")
        size = prod(self.size() for _ in range(dimensions))
        kind = self.kind()
        self.size()
        return TENSOR_TYPES.get(kind, f"type {kind}"), size
