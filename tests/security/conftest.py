"""Gateways that hostile tests share. Each has a fake backend of its own, so that nothing else is heard on it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fake_backend import FakeBackend
from tests.running_gateway import RunningGateway

KEY = "key-that-is-right-0123456789"
OTHER_KEY = "key-that-is-right-too-0123456789"

Pair = tuple[FakeBackend, RunningGateway]


@pytest.fixture(scope="package")
def pair() -> Iterator[Pair]:
    """A gateway with further names and pages, over an OpenAI-compatible fake."""
    with (
        FakeBackend("openai") as fake,
        RunningGateway(
            BACKEND="openai",
            OPENAI_URL=fake.url + "/v1",
            IDLE_TIMEOUT_S=1,
            ALLOWED_HOSTS="gpu.lab.example,gateway.lab.example:8443",
            CORS_ORIGINS="http://localhost:3000,https://notes.example,app://obsidian.md,vscode-webview://0a1b,"
            "moz-extension://6c1f2d3e-0000,chrome-extension://mhnlakgilnojmhinhkckjpncpbhabphi,tauri://localhost",
        ) as gateway,
    ):
        yield fake, gateway


@pytest.fixture(scope="package")
def locked() -> Iterator[Pair]:
    """A gateway that wants one of two keys."""
    with (
        FakeBackend("openai") as fake,
        RunningGateway(BACKEND="openai", OPENAI_URL=fake.url + "/v1", API_KEYS=f"{KEY},{OTHER_KEY}") as gateway,
    ):
        yield fake, gateway
