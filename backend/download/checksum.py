"""SHA-256 of a large file, with a word now and then about how far it is."""

from __future__ import annotations

import hashlib
from collections.abc import Generator
from pathlib import Path

from backend.dialects.progress import Progress

BLOCK = 4 * 1024 * 1024


def sha256_of(path: Path) -> Generator[Progress, None, str]:
    """Gives progress, returns the digest in hexadecimal."""
    total = path.stat().st_size
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
            yield Progress("verifying", "SHA-256", total, total, 1.0)
    return digest.hexdigest()
