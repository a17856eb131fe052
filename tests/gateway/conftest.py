"""Gateways that may manage models, over fakes whose models really change."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fake_backend import FakeBackend, FakeModel
from tests.gateway.managed import ANCHOR, HUGGING, Pair, refresh
from tests.gateway.wire import MORE_HEADERS
from tests.running_gateway import RunningGateway


@pytest.fixture(params=["hot", pytest.param("plain", marks=pytest.mark.long)])
def each_path(request: pytest.FixtureRequest) -> Iterator[None]:
    """The test runs over the hot lane, and (among the long ones) over Flask."""
    if request.param == "plain":
        MORE_HEADERS["X-Request-Id"] = "plain"
    yield
    MORE_HEADERS.clear()


@pytest.fixture(scope="session")
def _managed_ollama() -> Iterator[Pair]:
    settings = {"BACKEND": "ollama", "MANAGE_MODELS": "true", "IDLE_TIMEOUT_S": 2, "HEARTBEAT_S": 0.5}
    with FakeBackend("ollama", [ANCHOR]) as fake, RunningGateway(OLLAMA_URL=fake.url, **settings) as gateway:
        yield fake, gateway


@pytest.fixture(scope="session")
def _managed_lmstudio() -> Iterator[Pair]:
    settings = {"BACKEND": "lmstudio", "MANAGE_MODELS": "true", "IDLE_TIMEOUT_S": 2, "HEARTBEAT_S": 0.5}
    with FakeBackend("lmstudio", [ANCHOR]) as fake, RunningGateway(LMSTUDIO_URL=fake.url, **settings) as gateway:
        yield fake, gateway


@pytest.fixture
def ollama(_managed_ollama: Pair) -> Pair:
    """A fake Ollama with three models, and the gateway that manages them; idle timeout 2 s, heartbeat 0.5 s."""
    fake, gateway = _managed_ollama
    fake.models = [ANCHOR, "llama3.2:latest", "nomic-embed-text:latest", HUGGING]
    refresh(gateway)
    return fake, gateway


@pytest.fixture
def lmstudio(_managed_lmstudio: Pair) -> Pair:
    """The same over LM Studio."""
    fake, gateway = _managed_lmstudio
    gemma = FakeModel("google/gemma-3-4b", variants=("google/gemma-3-4b@q4_k_m",))
    fake.models = [ANCHOR, gemma, "qwen/qwen3-8b"]
    refresh(gateway)
    return fake, gateway
