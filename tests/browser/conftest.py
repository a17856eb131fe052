"""A real Chromium, and the page in it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Route, expect, sync_playwright

from tests.browser.reader import Reader
from tests.fake_backend import FakeBackend
from tests.running_gateway import RunningGateway

ROOT = Path(__file__).resolve().parents[2]
VENDOR = ROOT / "frontend" / "vendor" / "langchain.js"
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
BUNDLES = {
    "@langchain/": ("langchain", "*"),
    "dompurify": ("markdown", "{ DOMPurify as default }"),
    "highlight.js": ("highlight", "{ default }"),
    "htm": ("interface", "{ htm as default }"),
    "idb": ("idb", "*"),
    "katex": ("math", "*"),
    "marked": ("markdown", "*"),
    "preact": ("interface", "*"),
}
expect.set_options(timeout=20_000)  # a browser on a busy machine takes its time; what never comes fails all the same
OpenReader = Callable[..., Reader]
QUICK = ("test_answering.py", "test_every_view.py", "test_markdown.py", "test_pages.py", "test_sources.py")
"""The files of this folder that every run of the tests includes; the others are `long` (make test-long)."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent == Path(__file__).parent and item.path.name not in QUICK:
            item.add_marker("long")


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """One Chromium for this folder; it ends with it, since its driver keeps an event loop in this thread."""
    assert VENDOR.is_file(), "The page's offline library is missing. Build it: make page (needs npm)."
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=shell_path(), args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def reader(browser: Browser) -> Iterator[OpenReader]:
    """`reader(locale="fr-FR", …)` gives a Reader in a fresh context.

    At its end no policy may have been broken, nothing thrown, and no host asked but this machine
    (and esm.sh, where the test answers for it).
    """
    readers: list[Reader] = []

    def start(**options: Any) -> Reader:
        viewport = {"width": 1280, "height": 800}
        options = {"locale": "en-US", "viewport": viewport, "service_workers": "block", **options}
        readers.append(Reader(browser.new_context(**options)))
        return readers[-1]

    yield start
    for one in readers:
        one.context.close()
        assert one.complaints == []
        known = ("http://127.0.0.1:", "blob:http://127.0.0.1:", "file:", "https://esm.sh/")
        assert [url for url in one.asked if not url.startswith(known)] == []


@pytest.fixture
def french(reader: OpenReader) -> Reader:
    return reader(locale="fr-FR")


@pytest.fixture
def english(reader: OpenReader) -> Reader:
    return reader(locale="en-US")


@pytest.fixture(scope="session")
def _patient() -> Iterator[tuple[FakeBackend, RunningGateway]]:
    with (
        FakeBackend("openai") as fake,
        RunningGateway(BACKEND="openai", OPENAI_URL=fake.url + "/v1") as gateway,
    ):
        yield fake, gateway


@pytest.fixture
def patient_pair(_patient: tuple[FakeBackend, RunningGateway]) -> tuple[FakeBackend, RunningGateway]:
    """An OpenAI-compatible fake and the gateway over it, with the default patience: a test may take its time."""
    _patient[0].forget()
    return _patient


def chromium_path() -> str:
    """The browser as people have it."""
    found = _first(os.environ.get("CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome")
    assert found, "Chromium is missing. Install it (apt-get install chromium), or name it in CHROMIUM."
    return found


def shell_path() -> str:
    """The same engine without a window to draw, where it is installed: a page costs it half of the CPU time."""
    return _first(os.environ.get("CHROMIUM", ""), "chromium-headless-shell") or chromium_path()


def _first(*names: str) -> str | None:
    return next((path for name in names if name and (path := shutil.which(name))), None)


def without_offline_copy(reader: Reader) -> None:
    """The page finds no vendor/, as on a machine where the set-up step never ran."""
    reader.context.route("**/vendor/*", lambda route: route.fulfill(status=404, body="not found"))


def esm_sh_from_offline_copy(route: Route) -> None:
    """What esm.sh answers: a line that re-exports the built file from an absolute path of its own."""
    headers = {"content-type": "text/javascript", "access-control-allow-origin": "*"}
    path = urlsplit(route.request.url).path
    if path.startswith("/built/"):
        route.fulfill(status=200, headers=headers, path=VENDOR.with_name(Path(path).name))
        return
    package = next(name for name in BUNDLES if path.startswith(f"/{name}"))
    bundle, exported = BUNDLES[package]
    route.fulfill(status=200, headers=headers, body=f'export {exported} from "/built/{bundle}.js"')
