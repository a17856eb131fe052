"""The page as an app: it opens without its gateway, keeps nothing but its own files, and is never half old."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import pytest
from flask import Flask, Response
from playwright.sync_api import Browser, Page, expect
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from backend.routes.page_files import MEDIA_TYPES
from backend.routes.pages import pages
from tests.browser.conftest import FLAGS, OpenReader, chromium_path
from tests.browser.reader import Reader
from tests.fake_backend import FakeBackend
from tests.running_gateway import ROOT, RunningGateway, free_port

pytestmark = pytest.mark.browser
FRONTEND = ROOT / "frontend"
APP = """
import {{ part }} from "./part.js"
import Installation from "./state/page/installation.js"
document.querySelector("h1").textContent = "{version} " + part
globalThis.installation = new Installation()
await installation.register()
document.querySelector("p").textContent = String(installation.worksOffline)
"""
HTML = """<!doctype html><title>Small</title><link rel="icon" href="favicon.svg">
<link rel="manifest" href="manifest.webmanifest"><h1></h1><p></p><script type="module" src="app.js"></script>"""
REAL = ("favicon.svg", "icons/maskable.svg", "manifest.webmanifest", "state/page/installation.js", "sw.js")
KEPT = """async () => {
  const kept = {}
  for (const name of await caches.keys()) kept[name] = (await (await caches.open(name)).keys()).map(({ url }) => url)
  return kept
}"""
UPDATE = """async () => {
  const registration = await (await navigator.serviceWorker.getRegistration()).update()
  const worker = registration.installing ?? registration.waiting ?? registration.active
  const isSettled = () => ["activated", "redundant"].includes(worker.state)
  await new Promise((done) => {
    worker.addEventListener("statechange", () => isSettled() && done())
    if (isSettled()) done()
  })
  return worker.state
}"""


class OneRequest(WSGIRequestHandler):
    """Keeps no connection: a server that is stopped must not go on answering on those that it has."""

    protocol_version = "HTTP/1.0"


class SmallPage:
    """A page of two scripts with the real worker and manifest, served beside one address of the API."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.instead: dict[str, tuple[str, bytes]] = {}
        self._folder = folder
        self._server: BaseWSGIServer | None = None
        for name in REAL:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(FRONTEND / name, folder / name)
        (folder / "index.html").write_text(HTML)
        self.write("first")

    def write(self, version: str) -> None:
        (self._folder / "app.js").write_text(APP.format(version=version))
        (self._folder / "part.js").write_text(f'export const part = "{version}"')

    def start(self) -> Self:
        app = Flask("small", static_folder=None)
        app.register_blueprint(pages(self._folder))
        app.add_url_rule("/models", "models", lambda: Response('{"data": []}', mimetype="application/json"))

        def serve(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
            instead = self.instead.get(environ["PATH_INFO"])
            if instead is None:
                return app(environ, start_response)
            start_response(instead[0], [("Content-Type", "text/javascript")])
            return [instead[1]]

        self._server = make_server("127.0.0.1", self.port, serve, threaded=True, request_handler=OneRequest)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), name="small page", daemon=True).start()
        return self

    def stop(self) -> None:
        if self._server:
            self._server.shutdown()
            self._server.server_close()
        self._server = None


@pytest.fixture
def small(tmp_path: Path) -> Iterator[SmallPage]:
    page = SmallPage(tmp_path).start()
    yield page
    page.stop()


@pytest.fixture
def visitor(reader: OpenReader) -> Reader:
    return reader(service_workers="allow")


def shows(page: Page, text: str) -> None:
    expect(page.locator("h1")).to_have_text(text)


def install(page: Page, url: str) -> None:
    page.goto(url)
    expect(page.locator("p")).to_have_text("true")


def test_an_update_arrives_at_the_next_load_and_is_what_opens_without_the_server(
    visitor: Reader, small: SmallPage
) -> None:
    page = visitor.page
    install(page, small.url)
    (before,) = page.evaluate(KEPT)

    small.write("second")
    page.reload()
    shows(page, "second second")

    assert page.evaluate(UPDATE) == "activated"
    (after,) = page.evaluate(KEPT)
    assert after != before
    shows(page, "second second")
    small.stop()
    page.reload()
    shows(page, "second second")


def test_only_files_of_the_page_are_kept_and_answers_of_the_api_pass_by(visitor: Reader, small: SmallPage) -> None:
    page = visitor.page
    install(page, small.url)

    page.reload()
    with page.expect_response("**/models") as models:
        page.evaluate("fetch('/models').then((answer) => answer.json())")
    with page.expect_response("**/part.js") as part:
        page.evaluate("fetch('/part.js').then((answer) => answer.text())")

    assert not models.value.from_service_worker
    assert part.value.from_service_worker
    files = {"", "index.html", "app.js", "part.js", *REAL} - {"sw.js"}
    assert [set(urls) for urls in page.evaluate(KEPT).values()] == [{f"{small.url}/{name}" for name in files}]
    small.stop()
    assert page.evaluate("fetch('/models').then(() => 'kept', () => 'down')") == "down"
    assert page.evaluate("fetch('/part.js', { method: 'PUT' }).then(() => 'kept', () => 'down')") == "down"
    assert page.evaluate("fetch('/part.js?again').then((answer) => answer.ok)")


def test_files_that_do_not_fit_together_are_never_kept(visitor: Reader, small: SmallPage) -> None:
    page = visitor.page
    install(page, small.url)
    first = page.evaluate(KEPT)

    small.write("second")
    small.instead["/part.js"] = ("200 OK", b'export const part = "third"')  # replaced after the list was made
    assert page.evaluate(UPDATE) == "redundant"

    kept = page.evaluate(KEPT)
    assert {name: urls for name, urls in kept.items() if urls} == first
    small.stop()
    page.reload()
    shows(page, "first first")


def test_a_proxy_whose_gateway_is_down_counts_as_no_answer(visitor: Reader, small: SmallPage) -> None:
    page = visitor.page
    install(page, small.url)
    for path in ("/", "/app.js", "/part.js", "/state/page/installation.js"):
        small.instead[path] = ("502 Bad Gateway", b"The gateway behind this proxy does not answer.")

    page.reload()

    shows(page, "first first")


def test_the_page_opens_without_its_gateway_says_so_and_goes_on_when_it_is_back(visitor: Reader) -> None:
    with FakeBackend("openai") as fake:
        settings = {"BACKEND": "openai", "OPENAI_URL": fake.url + "/v1"}
        with RunningGateway(**settings) as gateway:
            visitor.open(gateway.url)
            visitor.page.evaluate("navigator.serviceWorker.ready.then(() => true)")
            (kept,) = visitor.page.evaluate(KEPT).values()
            paths = {urlsplit(url).path for url in kept}
            assert paths >= {"/", "/app.js", "/i18n/fr.json", "/vendor/langchain.js"}
            assert [path for path in paths if path != "/" and Path(path).suffix not in MEDIA_TYPES] == []

        visitor.open(gateway.url, model="")
        visitor.sees_fault("gateway_down", "#catalog-notice")

        with RunningGateway(**settings, PORT=gateway.port):
            expect(visitor.find("#model")).not_to_have_value("")
            expect(visitor.find("#catalog-notice .notice")).to_have_count(0)
            assert list(visitor.page.evaluate(KEPT).values()) == [kept]


def test_a_browser_finds_the_page_fit_to_be_installed(browser: Browser, small: SmallPage, tmp_path: Path) -> None:
    chromium = browser.browser_type
    profile = tmp_path / "profile"  # what is private cannot be installed
    with chromium.launch_persistent_context(profile, executable_path=chromium_path(), args=FLAGS) as context:
        page = context.pages[0]
        install(page, small.url)
        tools = context.new_cdp_session(page)

        manifest = tools.send("Page.getAppManifest")
        assert manifest["errors"] == []
        assert manifest["manifest"]["name"] == "Passerelle"
        assert tools.send("Page.getInstallabilityErrors") == {"installabilityErrors": []}
        assert page.evaluate("""() => installation.canInstall ||
          new Promise((done) => installation.addEventListener("change", () => done(installation.canInstall)))""")


def test_an_offer_to_install_is_used_once(visitor: Reader, small: SmallPage) -> None:
    page = visitor.page
    install(page, small.url)

    told = page.evaluate("""async () => {
      const told = []
      installation.addEventListener("change", () => told.push(installation.canInstall))
      const offer = new Event("beforeinstallprompt", { cancelable: true })
      offer.prompt = async () => told.push("asked")
      offer.userChoice = Promise.resolve({ outcome: "accepted" })
      told.push(dispatchEvent(offer) ? "a bar of the browser's" : "no bar")
      told.push(await installation.install(), await installation.install())
      return told
    }""")

    assert told == [True, "no bar", False, "asked", True, False]
