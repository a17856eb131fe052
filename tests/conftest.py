"""What tests share: gateways that run, over fake backends that do as they are told."""

from __future__ import annotations

import signal
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.fake_backend import FakeBackend
from tests.running_gateway import RUNNING, RunningGateway

# Whoever starts the tests in the background of a script has them ignore Ctrl-C, and so does all that they start.
signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("any machine", deadline=None)  # a busy one is no failure
settings.load_profile("any machine")

FIRST = ("browser", "test_cli.py", "gateway", "engine", "security")
"""What takes longest, by folder or file. Two workers who share the rest at the end finish at about the same time, and
the browser, which lives as long as its folder's tests follow each other, starts once for each of them."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files keep their order but for that: it is random (pytest-randomly)."""
    tests = Path(__file__).parent
    ranks = {name: rank for rank, name in enumerate(FIRST)}
    items.sort(key=lambda item: ranks.get(item.path.relative_to(tests).parts[0], len(FIRST)))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failing test shows what the gateways said lately: without that, a failure that is rare stays a riddle."""
    report = yield
    if report.failed:
        for gateway in RUNNING:
            report.sections.append((f"gateway at {gateway.url}", gateway.log[-4000:]))
    return report


@pytest.fixture(scope="session")
def _openai() -> Iterator[tuple[FakeBackend, RunningGateway]]:
    with (
        FakeBackend("openai") as fake,
        RunningGateway(BACKEND="openai", OPENAI_URL=fake.url + "/v1", IDLE_TIMEOUT_S=1, HEARTBEAT_S=0.4) as gateway,
    ):
        yield fake, gateway


@pytest.fixture(scope="session")
def _ollama() -> Iterator[tuple[FakeBackend, RunningGateway]]:
    with (
        FakeBackend("ollama") as fake,
        RunningGateway(BACKEND="ollama", OLLAMA_URL=fake.url, IDLE_TIMEOUT_S=1, HEARTBEAT_S=0.4) as gateway,
    ):
        yield fake, gateway


@pytest.fixture(scope="session")
def _embedded() -> Iterator[RunningGateway]:
    with RunningGateway(BACKEND="embedded") as gateway:
        yield gateway


@pytest.fixture
def openai_pair(_openai: tuple[FakeBackend, RunningGateway]) -> tuple[FakeBackend, RunningGateway]:
    """An OpenAI-compatible fake and the gateway over it; idle timeout 1 s, heartbeat 0.4 s."""
    _openai[0].forget()
    return _openai


@pytest.fixture
def ollama_pair(_ollama: tuple[FakeBackend, RunningGateway]) -> tuple[FakeBackend, RunningGateway]:
    """An Ollama fake and the gateway over it; idle timeout 1 s, heartbeat 0.4 s."""
    _ollama[0].forget()
    return _ollama


@pytest.fixture
def embedded(_embedded: RunningGateway) -> RunningGateway:
    """The gateway over its own engine with the demo model."""
    return _embedded
