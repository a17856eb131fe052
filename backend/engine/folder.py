"""The GGUF files that the engine can serve: those in a folder, or the bundled demo model.

A model's id is its file's name; a caller's name is compared with the ids of this list and never made a path.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from backend.engine.gguf import Header, read_header
from backend.engine.gguf_cursor import NotGGUF
from backend.engine.keeper import Load
from backend.engine.maker import DEMO, Maker, maker_of

log = logging.getLogger("passerelle")

SAMPLES, SAMPLE_BYTES = 64, 4096
SHARD = re.compile(r"-(\d{5})-of-(\d{5})$")
DEFAULT_TRAINED_CONTEXT = 4096
PROMPT_CACHE_MIB = 256
"""Memory for conversations that had to leave their slot; llama.cpp's own default is 8 GiB."""
DEMO_ID = "passerelle-demo"
DEMO_PATH = Path(__file__).resolve().parent / "models" / "passerelle-demo-q8_0.gguf"


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A GGUF that can be served. `size_bytes` counts all shards of a model that is cut into several files."""

    id: str
    name: str
    path: Path
    header: Header
    size_bytes: int
    changed_ns: int
    is_demo: bool = False

    @property
    def maker(self) -> Maker:
        return DEMO if self.is_demo else maker_of(self.header)

    @property
    def may_speak_french(self) -> bool:
        """Of most files nobody knows."""
        languages = self.maker.languages
        return not languages or any(code.partition("-")[0] in ("fr", "fra", "fre") for code in languages)

    @property
    def capabilities(self) -> tuple[str, ...]:
        """In Ollama's words. A template that never speaks of tools or thinking cannot pass them to the model."""
        if self.header.ranks:
            return ("rerank",)
        if self.header.makes_embeddings:
            return ("embedding",)
        template = self.header.text("tokenizer.chat_template") or ""
        extra = [name for name, word in (("tools", "tools"), ("thinking", "<think>")) if word in template]
        return ("completion", *extra)

    @property
    def speaks(self) -> bool:
        """Whether it writes text at all."""
        return "completion" in self.capabilities

    @property
    def fingerprint(self) -> str:
        """Tells a file from another one of the same name: of its size and of samples from all over it, for a digest of
        many gigabytes would take a minute. Empty where it cannot be read any more."""
        return _fingerprint(self.path, self.size_bytes, self.changed_ns)

    def load(self, context: int, parallel: int) -> Load:
        """How to run it, with at most `context` tokens a conversation."""
        return Load(
            path=self.path,
            model=self.id,
            context=min(context, self.header.trained_context or DEFAULT_TRAINED_CONTEXT),
            parallel=parallel,
            is_embedder=self.header.makes_embeddings,
            ranks=self.header.ranks,
            prompt_cache_mib=0 if self.is_demo else PROMPT_CACHE_MIB,
            size_bytes=self.size_bytes,
            changed_ns=self.changed_ns,
        )

    def described(self) -> dict[str, Any]:
        """All that the file says of itself, but its vocabulary: `/stats?model=`."""
        header = self.header
        return {
            "model": self.id,
            "name": header.text("general.name") or self.name,
            "description": header.text("general.description"),
            "license": header.text("general.license") or header.text("general.license.name"),
            "parameters": header.parameters,
            "parameter_count": header.parameter_count,
            "template": header.text("tokenizer.chat_template"),
            "family": header.architecture or None,
            "families": [header.architecture] if header.architecture else [],
            "quantization": header.quantization,
            "trained_context_length": header.trained_context,
            "capabilities": list(self.capabilities),
            "languages": list(self.maker.languages),
            "sampling": dict(self.maker.sampling),
            "format": "gguf",
            "size_bytes": self.size_bytes,
            "is_demo": self.is_demo,
            "details": {key: value for key, value in header.values.items() if key != "tokenizer.chat_template"},
        }


class Folder:
    """Lists a folder anew each time it is asked; headers are read once per file and change."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[tuple[Path, int, int], Header | str] = {}
        self.faults: dict[str, str] = {}
        """File name to the sentence that says why it cannot be served, as of the last `files`."""

    def files(self) -> list[ModelFile]:
        """Sorted by name. Empty where the folder is missing, or holds nothing that can be served."""
        self.faults = {}
        found: list[ModelFile] = []
        known: dict[tuple[Path, int, int], Header | str] = {}
        for path in self._candidates():
            try:
                status = path.stat()
            except OSError:
                continue
            key = (path, status.st_size, status.st_mtime_ns)
            header = known[key] = self._known.get(key) or _header(path)
            if isinstance(header, str):
                self.faults[path.name] = header
            else:
                found.append(ModelFile(path.stem, path.stem, path, header, _size(path, status.st_size), key[2]))
        self._known = known
        return found

    def _candidates(self) -> list[Path]:
        """No projector of another model (mmproj), no second or later shard, no name that would not print."""
        try:
            paths = [path for path in self._path.iterdir() if path.suffix.lower() == ".gguf"]
        except OSError:
            return []
        return sorted(path for path in paths if _is_model_name(path.stem) and path.is_file())


@lru_cache(maxsize=256)
def _fingerprint(path: Path, size_bytes: int, changed_ns: int) -> str:
    total = hashlib.sha256(str(size_bytes).encode())
    try:
        with path.open("rb") as file:
            end = file.seek(0, os.SEEK_END)
            for place in range(SAMPLES):
                file.seek(end * place // SAMPLES)
                total.update(file.read(SAMPLE_BYTES))
    except OSError:
        return ""
    return f"sampled:{total.hexdigest()}"


def demo_model() -> ModelFile:
    """The model that comes with the gateway. Raises OSError or NotGGUF where it is missing or damaged."""
    status = DEMO_PATH.stat()
    header = read_header(DEMO_PATH)
    return ModelFile(DEMO_ID, "Passerelle demo", DEMO_PATH, header, status.st_size, status.st_mtime_ns, is_demo=True)


def _is_model_name(stem: str) -> bool:
    shard = SHARD.search(stem)
    return stem.isprintable() and "mmproj" not in stem.lower() and not (shard and int(shard[1]) > 1)


def _header(path: Path) -> Header | str:
    try:
        return read_header(path)
    except NotGGUF as fault:
        sentence = f"{path.name} cannot be served: it {fault}."
    except OSError as fault:
        sentence = f"{path.name} cannot be read: {fault.strerror or type(fault).__name__}."
    log.warning(sentence)
    return sentence


def _size(path: Path, size: int) -> int:
    shard = SHARD.search(path.stem)
    if not shard:
        return size
    start = path.stem[: shard.start()]
    names = (f"{start}-{number:05}-of-{shard[2]}{path.suffix}" for number in range(1, int(shard[2]) + 1))
    return sum(part.stat().st_size for name in names if (part := path.with_name(name)).is_file())
