"""When something is missing or wrong: a sentence in the reader's language and a way forward, soon."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Route, expect

from tests.browser.conftest import OpenReader, esm_sh_from_offline_copy, without_offline_copy
from tests.browser.reader import Reader
from tests.fake_backend import FakeBackend
from tests.running_gateway import RunningGateway, free_port

pytestmark = pytest.mark.browser
FRONTEND = Path(__file__).resolve().parents[2] / "frontend"
KEY = "a-key-for-tests-0123456789"


def test_a_gateway_that_ends_is_missed_and_found_again(french: Reader, patient_pair: Any) -> None:
    fake, _ = patient_pair
    settings = {"BACKEND": "openai", "OPENAI_URL": fake.url + "/v1"}
    with RunningGateway(**settings) as gateway:
        with french.page.expect_request_finished(lambda request: request.url.endswith("/vendor/langchain.js")):
            french.open(gateway.url)
        port = gateway.port

    french.ask("Es-tu là ?")

    notice = french.sees_fault("gateway_down")
    expect(notice).to_contain_text("make run")
    expect(french.find("#status")).to_contain_text("ne répond pas")
    with RunningGateway(PORT=port, **settings):
        expect(french.find("#status")).to_contain_text("est prêt")
        notice.get_by_role("button", name="Réessayer").click()
        french.sees_phase("done")


def test_without_a_backend_the_page_says_what_to_start(english: Reader) -> None:
    with RunningGateway(BACKEND="ollama", OLLAMA_URL=f"http://127.0.0.1:{free_port()}") as gateway:
        english.open(gateway.url, model="")

        notice = english.sees_fault("backend_down", "#catalog-notice")

        expect(notice).to_contain_text("Start Ollama or LM Studio")
        expect(notice.get_by_role("button", name="Try again")).to_be_visible()
        expect(english.find("#status")).to_contain_text("No backend answers")
        english.ask("Hello?")
        english.sees_fault("backend_down")


@pytest.fixture(scope="module")
def locked() -> Iterator[RunningGateway]:
    with (
        FakeBackend("openai") as fake,
        RunningGateway(BACKEND="openai", OPENAI_URL=fake.url + "/v1", API_KEYS=KEY) as one,
    ):
        yield one


def test_a_wrong_key_leads_to_the_key_field_and_the_right_one_stays_in_the_tab(
    english: Reader, locked: RunningGateway
) -> None:
    english.open(locked.url, model="")
    english.sees_fault("key", "#catalog-notice")
    english.configure("key", "not-the-key-0123456789")
    english.ask("Hello?")
    english.sees_fault("key").get_by_role("button", name="Enter the key").click()
    expect(english.find("#key")).to_be_focused()

    english.configure("key", KEY)

    expect(english.find("#model")).to_have_value("llama3.2:latest")
    english.ask("Hello?")
    english.sees_phase("done")
    stored = english.measure("() => ({ session: { ...sessionStorage }, local: { ...localStorage } })")
    assert KEY in json.dumps(stored["session"])
    assert KEY not in json.dumps(stored["local"])
    assert "Hello?" not in json.dumps(stored["local"])


def test_a_key_is_not_sent_to_another_endpoint(english: Reader, locked: RunningGateway) -> None:
    with FakeBackend("openai") as other:
        english.open(locked.url, model="")
        english.configure("key", KEY)
        expect(english.find("#model")).to_have_value("llama3.2:latest")

        english.configure("endpoint", other.url + "/v1")

        received = other.wait_request(1)
        assert received.path == "/v1/models"
        assert KEY not in str(received.headers)
        expect(english.find("#key")).to_have_value("")


FAILURES = [
    (400, {"message": "maximum context length is 1024 tokens", "code": "context_length_exceeded"}, "prompt_too_long"),
    (400, {"message": "temperature must be a number", "code": "invalid_request"}, "refused"),
    (401, {"message": "This key is not known here.", "code": "invalid_api_key"}, "key"),
    (403, {"message": "Not from here.", "code": "origin_not_allowed"}, "forbidden"),
    (404, {"message": "No such model.", "code": "model_not_found"}, "model_missing"),
    (404, "404 page not found", "not_found"),
    (413, {"message": "Too large.", "code": "body_too_large"}, "too_large"),
    (429, {"message": "Slow down.", "code": "rate_limit"}, "busy"),
    (500, "llama runner process has terminated", "backend_failed"),
    (502, {"message": "The backend failed.", "code": "backend_error"}, "backend_failed"),
    (503, {"message": "Nobody answers.", "code": "backend_unavailable"}, "backend_down"),
    (504, {"message": "It was silent.", "code": "backend_timeout"}, "backend_slow"),
]


def test_every_failure_has_its_own_sentence_and_a_way_forward(reader: OpenReader, patient_pair: Any) -> None:
    page = reader(locale="fr-FR").open(patient_pair[1].url)
    answers = iter(FAILURES)

    def fail(route: Route) -> None:
        status, error, _ = next(answers)
        route.fulfill(status=status, content_type="application/json", body=json.dumps({"error": error}))

    page.context.route("**/v1/chat/completions", fail)
    for _, error, kind in FAILURES:
        page.ask("Hello?")
        notice = page.sees_fault(kind)
        page.sees_phase("failed")
        expect(notice).to_contain_text(error if isinstance(error, str) else error["message"])
        expect(notice.get_by_role("button").first).to_be_visible()
        assert "langchain" not in notice.inner_text().lower()


def test_an_error_inside_the_stream_keeps_what_had_come(english: Reader, patient_pair: Any) -> None:
    stream = (
        'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":"So far"}}]}\n\n'
        'data: {"error":{"message":"The backend was silent.","code":"backend_timeout"}}\n\n'
    )
    headers = {"content-type": "text/event-stream"}
    english.context.route("**/v1/chat/completions", lambda route: route.fulfill(headers=headers, body=stream))

    english.open(patient_pair[1].url).ask("Hello?")

    english.sees_phase("cut")
    english.sees_text("So far")
    expect(english.sees_fault("backend_slow")).to_contain_text("The backend was silent.")


def test_an_empty_question_is_not_sent(english: Reader, patient_pair: Any) -> None:
    fake, gateway = patient_pair
    english.open(gateway.url)
    before = len(fake.requests)

    english.ask("   ")

    english.sees_fault("no_question").get_by_role("button").click()
    expect(english.find("#human")).to_be_focused()
    assert [one for one in fake.requests[before:] if one.method == "POST"] == []


@pytest.mark.parametrize("address", ["https://api.example.com/v1", "not an address"])
def test_an_endpoint_that_the_policy_forbids_is_explained_without_trying(
    english: Reader, patient_pair: Any, address: str
) -> None:
    english.open(patient_pair[1].url)

    english.configure("endpoint", address)

    english.sees_fault("endpoint_wrong", "#catalog-notice")
    english.ask("Hello?")
    english.sees_fault("endpoint_wrong")
    english.find("#own-endpoint").click()
    expect(english.find("#model")).to_have_value("llama3.2:latest")


# -- libraries


def test_without_any_library_the_page_says_what_to_do(french: Reader, patient_pair: Any) -> None:
    without_offline_copy(french)
    french.context.route("https://esm.sh/**", lambda route: route.abort())
    french.page.goto(patient_pair[1].url)

    card = french.find("#libraries [lang=fr]")
    expect(card).to_contain_text("La page attend ses bibliothèques")
    expect(card).to_contain_text("make page")
    expect(french.find("#page")).to_be_hidden()

    french.context.unroute_all()
    card.get_by_role("link", name="rechargez la page").click()
    expect(french.find("#model")).to_have_value("llama3.2:latest")


def test_without_langchain_alone_the_page_says_so_and_tries_again(french: Reader, patient_pair: Any) -> None:
    french.context.route("**/vendor/langchain.js", lambda route: route.fulfill(status=404, body="not found"))
    french.context.route("https://esm.sh/**", lambda route: route.abort())
    french.open(patient_pair[1].url)

    notice = french.sees_fault("libraries", "#libraries-notice")

    expect(notice).to_contain_text("tools/vendor")
    french.ask("Bonjour ?")
    french.sees_fault("libraries")
    french.context.unroute_all()
    notice.get_by_role("button", name="Réessayer").click()
    expect(notice).to_have_count(0)
    french.ask("Bonjour ?")
    french.sees_phase("done")


def test_a_cdn_that_hangs_is_named_before_two_seconds_have_passed(english: Reader, patient_pair: Any) -> None:
    without_offline_copy(english)
    english.context.route("https://esm.sh/**", lambda route: None)
    english.stop_the_clock()
    english.page.goto(patient_pair[1].url)

    english.page.clock.run_for(1400)
    expect(english.find("#libraries")).to_be_hidden()
    english.page.clock.run_for(200)

    expect(english.find("#libraries")).to_contain_text("The page is waiting for its libraries")


def test_esm_sh_is_asked_for_exact_versions_and_serves_as_well(english: Reader, patient_pair: Any) -> None:
    without_offline_copy(english)
    english.context.route("https://esm.sh/**", esm_sh_from_offline_copy)

    english.open(patient_pair[1].url).ask("Hello?")

    english.sees_phase("done")
    remote = {url.split("?")[0].removeprefix("https://esm.sh/") for url in english.asked if "https://esm.sh/" in url}
    named = {name for name in remote if not name.startswith("built/")}
    assert {re.sub(r"@[\d.]+(?=/|$)", "", name) for name in named} >= {
        "@langchain/core/messages",
        "@langchain/openai",
        "htm",
        "preact",
        "preact/hooks",
    }
    assert all(re.search(r"[a-z]@\d+\.\d+\.\d+", name) for name in named)


def test_with_the_offline_copy_nothing_is_asked_of_the_internet(english: Reader, patient_pair: Any) -> None:
    english.open(patient_pair[1].url).ask("Hello?")

    english.sees_phase("done")
    assert [url for url in english.asked if "esm.sh" in url] == []


def test_an_offline_copy_with_another_hash_is_refused(english: Reader, patient_pair: Any) -> None:
    headers = {"content-type": "text/javascript"}
    english.context.route("**/vendor/*", lambda route: route.fulfill(headers=headers, body="export const evil = 1"))
    english.context.route("https://esm.sh/**", lambda route: route.abort())

    english.page.goto(patient_pair[1].url)

    expect(english.find("#libraries")).to_contain_text("The page is waiting for its libraries")


# -- other origins, without any route, so that the browser's own rules hold


def test_another_origin_that_allows_the_page_answers_it(english: Reader, patient_pair: Any) -> None:
    fake, home = patient_pair
    with RunningGateway(BACKEND="openai", OPENAI_URL=fake.url + "/v1", CORS_ORIGINS=home.url) as other:
        english.open(home.url)

        english.configure("endpoint", other.url + "/v1")

        expect(english.find("#status")).to_contain_text(f"Direct: 127.0.0.1:{other.port}")
        expect(english.find("#model")).to_have_value("llama3.2:latest")
        english.ask("Hello?")
        english.sees_phase("done")
        assert english.asked[-1].startswith(other.url) or f"{other.url}/v1/chat/completions" in english.asked
        assert english.figure("output") == "6"


def test_another_origin_that_refuses_the_page_is_explained(
    english: Reader, patient_pair: Any, locked: RunningGateway
) -> None:
    english.open(patient_pair[1].url)

    english.configure("endpoint", locked.url + "/v1")

    expect(english.sees_fault("endpoint_down", "#catalog-notice")).to_contain_text("CORS")
    english.ask("Hello?")
    english.sees_fault("endpoint_down")


# -- from disk


def from_disk(folder: Path, port: int) -> str:
    """The page as a file of its own, looking for a gateway on this port."""
    shutil.copytree(FRONTEND, folder / "frontend", ignore=shutil.ignore_patterns("vendor"))
    index = folder / "frontend" / "index.html"
    index.write_text(index.read_text(encoding="utf-8").replace("8089", str(port)), encoding="utf-8")
    return index.as_uri()


def test_from_disk_the_page_goes_to_the_running_gateway(english: Reader, patient_pair: Any, tmp_path: Path) -> None:
    gateway: RunningGateway = patient_pair[1]

    english.page.goto(from_disk(tmp_path, gateway.port))

    expect(english.page).to_have_url(gateway.url + "/")
    expect(english.find("#model")).to_have_value("llama3.2:latest")


def test_from_disk_the_page_says_how_to_start_and_keeps_looking(
    english: Reader, patient_pair: Any, tmp_path: Path
) -> None:
    port = free_port()

    english.page.goto(from_disk(tmp_path, port))

    start = english.find("#start")
    expect(start).to_contain_text("make run")
    expect(start).to_contain_text("Passerelle is not running yet")
    expect(start).to_contain_text("Passerelle n’est pas encore démarrée")
    expect(english.find("#page")).to_be_hidden()
    english.context.route(f"http://127.0.0.1:{port}/**", lambda route: route.fulfill(body="it has started"))
    expect(english.find("body")).to_have_text("it has started")


@pytest.mark.parametrize("missing", ["app.js", "i18n/fr.json"])
def test_a_page_whose_own_files_fail_to_come_is_not_blank(reader: OpenReader, patient_pair: Any, missing: str) -> None:
    page = reader()
    page.expects_failure = True
    page.context.route(f"**/{missing}", lambda route: route.abort())

    page.page.goto(patient_pair[1].url)

    expect(page.find("#start")).to_contain_text("make run")
    page.context.unroute_all()
    expect(page.find("#model")).to_have_value("llama3.2:latest")
