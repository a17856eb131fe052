"""Read what a GGUF file says of itself: its header only, bounded, and trusting nothing in it.

The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. The `gguf` package would read it
too, but brings numpy; we need some twenty values and the number of weights.
"""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

from backend.engine.ggml import FILE_TYPES
from backend.engine.gguf_cursor import MAX_ENTRIES, MAX_TENSORS, Cursor, Ended, NotGGUF, Value

MAGIC = b"GGUF"
VERSIONS = (2, 3)
RANK = 4
"""llama.cpp's pooling_type of models that rank (include/llama.h: llama_pooling_type)."""
ALIGNMENT = 32


@dataclass(frozen=True, slots=True)
class Header:
    """A model file's own description. Left out are lists (the vocabulary) but for short ones of words, and texts over
    1 MiB.

    `data_offset` is where the header ends, before the padding that precedes the weights; these take `data_bytes`.
    """

    values: dict[str, Value] = field(repr=False)
    parameter_count: int
    tensor_types: dict[str, int]
    data_offset: int
    data_bytes: int

    def text(self, key: str) -> str | None:
        value = self.values.get(key)
        return value if isinstance(value, str) and value else None

    def whole(self, key: str) -> int | None:
        value = self.values.get(key)
        return value if type(value) is int and value >= 0 else None

    def number(self, key: str) -> int | float | None:
        value = self.values.get(key)
        return value if isinstance(value, int | float) and not isinstance(value, bool) else None

    def words(self, key: str) -> tuple[str, ...]:
        value = self.values.get(key)
        return value if isinstance(value, tuple) else ()

    @property
    def file_bytes(self) -> int:
        """How large a whole file with this header is, at least."""
        alignment = self.whole("general.alignment") or ALIGNMENT
        return self.data_offset + -self.data_offset % alignment + self.data_bytes if self.data_bytes else 0

    @property
    def architecture(self) -> str:
        return self.text("general.architecture") or ""

    @property
    def trained_context(self) -> int | None:
        return self.whole(f"{self.architecture}.context_length") or None

    @property
    def makes_embeddings(self) -> bool:
        """llama.cpp answers /v1/embeddings only for a model that says how to pool its tokens (0 is "not")."""
        return self._pooling not in (None, 0, RANK)

    @property
    def ranks(self) -> bool:
        """What it makes of two texts is one number, which is no embedding."""
        return self._pooling == RANK

    @property
    def _pooling(self) -> int | None:
        return self.whole(f"{self.architecture}.pooling_type")

    @property
    def dimensions(self) -> int | None:
        """How many numbers its embeddings have."""
        return self.whole(f"{self.architecture}.embedding_length") or None

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
        cursor = Cursor(file)
        tensors, entries = _begun(cursor)
        values = dict(pair for _ in range(entries) if (pair := cursor.entry()) is not None)
        found = [cursor.tensor() for _ in range(tensors)]
        kinds = Counter(tensor.type_name for tensor in found)
        weights = sum(tensor.weights for tensor in found)
        return Header(values, weights, dict(kinds), cursor.position, max((tensor.end for tensor in found), default=0))


def read_beginning(data: bytes) -> dict[str, Value]:
    """The values at the beginning of a file of which only that is here; the vocabulary comes after the names and
    terms. Raises NotGGUF where it is none."""
    cursor = Cursor(BytesIO(data))
    values: dict[str, Value] = {}
    entries = _begun(cursor)[1]
    with suppress(Ended):
        for _ in range(entries):
            if (pair := cursor.entry()) is not None:
                values[pair[0]] = pair[1]
    return values


def _begun(cursor: Cursor) -> tuple[int, int]:
    """Numbers of tensors and entries."""
    if cursor.take(4) != MAGIC:
        raise NotGGUF("is not a GGUF file")
    version = cursor.kind()
    if version not in VERSIONS:
        raise NotGGUF(f"is GGUF of version {version}, but only versions 2 and 3 can be read")
    return cursor.count(MAX_TENSORS, "tensors"), cursor.count(MAX_ENTRIES, "entries")
