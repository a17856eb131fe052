"""The Models view: what there is, in detail; and, where the gateway allows it, load, unload, download and delete."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Locator, Route, expect

from tests.browser.conftest import OpenReader
from tests.browser.reader import Reader
from tests.browser.test_comfort import AXE, OVERFLOW, _axe
from tests.fake_backend import Chunks, Do, End, FakeBackend, FakeModel, Fin, Head, Reset, Step, WaitFor
from tests.running_gateway import RunningGateway

pytestmark = pytest.mark.browser
Pair = tuple[FakeBackend, RunningGateway]
NDJSON = Head(200, {"content-type": "application/x-ndjson"})
QWEN = FakeModel("qwen3:8b", "qwen3", "8.2B", size=5_200_000_000, capabilities=("completion", "tools", "thinking"))
GEMMA = FakeModel("gemma3:4b", "gemma3", "4.3B", context_length=131_072, capabilities=("completion", "vision"))
LOADED = FakeModel("llama3.2:latest", is_loaded=True)
HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "</bdi><script>alert(1)</script>",
    "n" * 300,
    "\u202egnol yrev\u202d evil",
    "%2e%2e/%",
    "half \ud800 a pair",
    "constructor",
]


@pytest.fixture(scope="module")
def _managed() -> Iterator[Pair]:
    settings = {"BACKEND": "ollama", "MANAGE_MODELS": "true", "HEARTBEAT_S": 0.3}
    with FakeBackend("ollama") as fake, RunningGateway(OLLAMA_URL=fake.url, **settings) as gateway:
        yield fake, gateway


@pytest.fixture
def managed(_managed: Pair) -> Pair:
    """A fake Ollama with five models, one of them in memory, and the gateway that may change them."""
    fake, gateway = _managed
    fake.models = [QWEN, GEMMA, LOADED, "nomic-embed-text:latest", "tiny:1b"]
    # The gateway may still know those of the test before; after a pull, whatever it was, it asks anew.
    fake.script("/api/pull", NDJSON, Chunks([b'{"status":"success"}\n']), End())
    assert b'"done"' in gateway.post("/models/pull", {"model": "tiny:1b"}).content
    return fake, gateway


def names(page: Reader) -> list[str]:
    return page.find(".model-row .model-name").all_inner_texts()


def pull_row(page: Reader, name: str) -> Locator:
    return page.find(f'.pull[data-pull="{name}"]')


def told(completed: int, total: int = 4_000_000_000) -> Chunks:
    line = {"status": "pulling abc", "digest": "sha256:abc", "completed": completed, "total": total}
    return Chunks([json.dumps(line).encode() + b"\n"])


def pulls_with(fake: FakeBackend, *steps: Step) -> int:
    """The next pull is answered so; which one it will be among those to come."""
    fake.script("/api/pull", NDJSON, *steps)
    return len(fake.requests_to("/api/pull")) + 1


def ask_for(page: Reader, name: str) -> None:
    page.find("#pull-name").fill(name)
    page.find("#pull").click()


# -- looking


def test_each_model_is_listed_with_what_is_known_and_found_by_filters(english: Reader, managed: Pair) -> None:
    english.open(managed[1].url + "/#/models", model="")

    llama = english.find('.model-row[data-model="llama3.2:latest"]')
    expect(llama).to_contain_text("in memory · 3 GB")
    expect(llama).to_contain_text("Ollama · llama · 3.2B · Q4_K_M · 2.02 GB · context 4,096")
    expect(english.find('.model-row[data-model="qwen3:8b"]')).to_contain_text("not loaded")
    qwen = english.find('.model-row[data-model="qwen3:8b"] .capability')
    assert qwen.all_inner_texts() == ["chat", "tools", "thinking"]
    own = "Universal Sentence Encoder, multilingual"
    alphabetic = ["gemma3:4b", "llama3.2:latest", "nomic-embed-text:latest", "qwen3:8b", "tiny:1b", own]
    assert names(english) == alphabetic

    def theirs() -> list[str]:
        return [name for name in names(english) if name != own]

    english.find("#model-order").select_option("context")
    assert theirs()[0] == "gemma3:4b"
    english.find("#model-order").select_option("size")
    assert theirs()[0] == "qwen3:8b"
    english.find("#model-capability").select_option("vision")
    assert theirs() == ["gemma3:4b"]
    english.find("#model-capability").select_option("")
    english.find("#model-loaded").check()
    assert theirs() == ["llama3.2:latest"]
    expect(english.find("[data-part=count]")).to_have_text("1 of 6")
    english.find("#model-loaded").uncheck()
    english.find("#model-search").fill("EMBED")
    assert theirs() == ["nomic-embed-text:latest"]
    english.find("#model-search").fill("nothing like it")
    expect(english.find("[data-part=count]")).to_have_text("No model fits.")


def test_the_details_of_a_model_and_the_way_to_use_it(french: Reader, managed: Pair) -> None:
    french.open(managed[1].url + "/#/models", model="")
    french.find('.model-row[data-model="qwen3:8b"]').click()

    facts = french.find("[data-part=facts]")
    expect(facts.locator("[data-fact=license] dd")).to_have_text("MIT License")
    expect(facts.locator("[data-fact=size] dd")).to_have_text("5,2\u00a0Go", use_inner_text=True)
    expect(facts.locator("[data-fact=vector] dd")).to_have_text("3\u202f072")
    expect(french.find("[data-text=template] pre")).to_be_hidden()
    french.find("[data-text=template] summary").click()
    expect(french.find("[data-text=template] pre")).to_have_text("{{ .Prompt }}")
    expect(french.find("[data-text=parameters] pre")).to_contain_text("num_ctx")
    expect(french.find('.model-row[aria-current="true"]')).to_have_count(1)

    french.find("[data-way=prompt]").click()
    expect(french.find("#model")).to_have_value("qwen3:8b")
    french.page.goto(managed[1].url + "/#/models/nomic-embed-text")  # without :latest, as Ollama's people say it
    expect(french.find("[data-part=no-chat]")).to_contain_text("vecteurs")
    expect(french.find("[data-way=prompt]")).to_have_count(0)


def test_hostile_names_and_texts_stay_text_and_break_no_layout(reader: OpenReader, managed: Pair) -> None:
    page = reader(viewport={"width": 320, "height": 700})
    odd = {"family": {"a": 1}, "capabilities": [HOSTILE[0], "w" * 400, 7], "is_loaded": "yes", "size_bytes": -1}
    listing = {"data": [{"id": name, "name": name, **odd} for name in HOSTILE], "default_model": HOSTILE[0]}
    shown = dict.fromkeys(("license", "template", "system", "parameters"), HOSTILE[0] + "\n" + "w" * 900)

    def answer(body: object) -> Any:
        return lambda route: route.fulfill(content_type="application/json", body=json.dumps(body))

    page.context.route("**/models", answer(listing))
    page.context.route("**/stats?*", answer({**shown, "model_info": {HOSTILE[1]: HOSTILE[0]}, "modified_at": 7}))
    page.open(managed[1].url + "/#/models", model="")
    expect(page.find(".model-row")).to_have_count(len(HOSTILE))
    page.find("#pull-name").fill(HOSTILE[2])
    page.find("#pull").click()
    expect(page.find(".pull")).to_have_attribute("data-phase", "failed")
    assert page.measure(OVERFLOW) <= 0

    for name in HOSTILE[:5]:
        page.find(".model-row").nth(names(page).index(name)).click()
        expect(page.find(".details-name")).to_have_text(name)
        for folded in page.find(".long-text summary").all():
            folded.click()
        expect(page.find("[data-text=license] pre")).to_contain_text(HOSTILE[0])
        assert page.measure(OVERFLOW) <= 0
        page.find(".models-back").click()
    assert page.find("#main img, #main script").count() == 0


def test_a_foreign_endpoint_has_a_plain_list_and_nothing_to_manage(english: Reader, managed: Pair) -> None:
    gateway = managed[1]
    with (
        FakeBackend("openai", ["plain"]) as upstream,
        RunningGateway(BACKEND="openai", OPENAI_URL=upstream.url + "/v1", CORS_ORIGINS=gateway.url) as other,
    ):
        english.open(gateway.url).configure("endpoint", other.url + "/v1")
        expect(english.find("#model")).to_have_value("plain")
        english.asked.clear()

        english.page.goto(gateway.url + "/#/models/plain")

        expect(english.find(".details-name")).to_have_text("plain")
        expect(english.find("[data-part=direct]")).to_contain_text(f"127.0.0.1:{other.port}")
        expect(english.find("#pull-form, [data-part=cannot], [data-part=switch-on]")).to_have_count(0)
        expect(english.find("[data-part=actions] button")).to_have_count(0)
        assert not any("/stats" in url or "/health" in url for url in english.asked)


# -- what may be changed


def test_where_it_is_switched_off_the_page_says_how_and_offers_nothing(reader: OpenReader, ollama_pair: Pair) -> None:
    page = reader(locale="fr-FR").open(ollama_pair[1].url + "/#/models", model="")

    page.find("[data-part=switch-on] summary").click()

    expect(page.find("[data-part=switch-on] pre")).to_have_text("MANAGE_MODELS=true")
    expect(page.find("[data-part=switch-on]")).to_contain_text(".env")
    page.find(".model-row").first.click()
    expect(page.find("[data-part=facts]")).to_be_visible()
    expect(page.find("#pull-form, [data-part=actions] button")).to_have_count(0)


def test_a_backend_that_cannot_is_named(english: Reader, patient_pair: Pair, embedded: RunningGateway) -> None:
    english.open(patient_pair[1].url + "/#/models", model="")
    expect(english.find("[data-part=cannot]")).to_contain_text("The models of OpenAI API cannot be changed from here")

    english.open(embedded.url + "/#/models/passerelle-demo", model="")

    expect(english.find("[data-part=cannot]")).to_contain_text("MODELS_DIR")
    expect(english.find("[data-part=details] .badge.demo")).to_have_text("demo")
    expect(english.find("[data-fact=license] dd")).to_have_text("MIT")
    expect(english.find("#pull-form, [data-part=switch-on], [data-part=actions] button")).to_have_count(0)


def test_what_lm_studio_cannot_do_is_said(english: Reader, managed: Pair) -> None:
    fake, gateway = managed
    health = gateway.get("/health").json()
    health["backend"]["name"] = "lmstudio"
    health["manage"]["can"] = ["load", "unload", "pull"]
    english.context.route("**/health", lambda route: route.fulfill(json=health))
    hold = threading.Event()
    pulls_with(fake, told(1_000_000_000), WaitFor(hold))
    english.open(gateway.url + "/#/models/qwen3:8b", model="")

    expect(english.find("[data-part=no-delete]")).to_contain_text("My Models")
    expect(english.find("[data-way=load]")).to_be_visible()
    expect(english.find("[data-way=delete]")).to_have_count(0)
    ask_for(english, "qwen/new")
    pull_row(english, "qwen/new").locator("[data-way=stop]").click()
    expect(pull_row(english, "qwen/new")).to_contain_text("LM Studio, which cannot be stopped from here, goes on")
    hold.set()


def test_a_model_is_loaded_and_unloaded_and_the_list_follows(english: Reader, managed: Pair) -> None:
    fake, gateway = managed
    hold = threading.Event()
    done = {"model": "qwen3:8b", "done": True, "done_reason": "load"}
    loaded = Do(lambda: fake.fake.change(QWEN, is_loaded=True))
    fake.script("/api/generate", WaitFor(hold), loaded, Head(200), Chunks([json.dumps(done).encode()]), End())
    english.open(gateway.url + "/#/models/qwen3:8b", model="")
    row = english.find('.model-row[data-model="qwen3:8b"] .model-loaded')

    english.find("[data-way=load]").click()
    expect(english.find("[data-part=under-way]")).to_contain_text("Loading")
    expect(english.find("[data-way=load]")).to_be_disabled()
    hold.set()

    expect(row).to_contain_text("in memory")
    english.find("[data-way=unload]").click()
    expect(row).to_have_text("not loaded yet")
    expect(english.find("[data-way=load]")).to_be_enabled()

    fake.script("/api/generate", Head(500), Chunks([b'{"error":"llama runner process has terminated"}']), End())
    english.find("[data-way=load]").click()
    expect(english.sees_fault("backend_failed", "[data-part=details]")).to_contain_text("terminated")


def test_a_deletion_asks_first_and_takes_the_model_off_the_list(english: Reader, managed: Pair) -> None:
    fake, gateway = managed
    english.open(gateway.url + "/#/models/tiny:1b", model="")
    before = len(fake.requests_to("/api/delete"))

    english.find("[data-way=delete]").click()
    expect(english.find("[data-way=keep]")).to_be_focused()
    expect(english.find(".question")).to_contain_text("tiny:1b")
    english.page.keyboard.press("Escape")
    expect(english.find(".question")).to_have_count(0)
    expect(english.find("[data-way=delete]")).to_be_focused()
    assert len(fake.requests_to("/api/delete")) == before

    english.find("[data-way=delete]").click()
    english.find("[data-way=delete-really]").click()

    expect(english.find('.model-row[data-model="tiny:1b"]')).to_have_count(0)
    expect(english.page).to_have_url(gateway.url + "/#/models")
    assert fake.requests_to("/api/delete")[-1].json == {"model": "tiny:1b"}


@pytest.mark.parametrize("verb", ["unload", "load"])
def test_what_takes_another_names_model_away_is_asked_first(english: Reader, managed: Pair, verb: str) -> None:
    fake, gateway = managed
    wide = FakeModel("wide:latest", weights="llama3.2:latest", num_ctx=8192)
    fake.models = [LOADED, FakeModel("copied:latest", copy_of="llama3.2:latest"), wide, "tiny:1b"]
    gateway.post("/models/unload", {"model": "tiny:1b"})  # the gateway asks anew
    name = "copied:latest" if verb == "unload" else "wide:latest"
    english.open(f"{gateway.url}/#/models/{name}", model="")
    expect(english.find("[data-fact=shares] dd")).to_contain_text("llama3.2:latest")
    before = len(fake.requests_to("/api/generate"))

    english.find(f"[data-way={verb}]").click()
    expect(english.find(".question")).to_contain_text("llama3.2:latest")
    english.page.keyboard.press("Escape")
    expect(english.find(f"[data-way={verb}]")).to_be_focused()
    assert len(fake.requests_to("/api/generate")) == before

    english.find(f"[data-way={verb}]").click()
    english.find(f"[data-way={verb}-really]").click()

    row = english.find('.model-row[data-model="llama3.2:latest"] .model-loaded')
    expect(row).to_have_text("not loaded yet")
    expect(english.find(".notice")).to_have_count(0)


def test_a_cloud_model_is_marked_is_not_chosen_and_says_why_it_is_refused(french: Reader, managed: Pair) -> None:
    fake, gateway = managed
    fake.models = [FakeModel("gpt-oss:120b-cloud", remote="https://ollama.example"), "tiny:1b"]
    gateway.post("/models/unload", {"model": "tiny:1b"})
    french.open(gateway.url + "/#/models/gpt-oss:120b-cloud", model="")

    expect(french.find(".model-row .badge.cloud")).to_have_text("nuage")
    expect(french.find("[data-part=details] [data-part=cloud-note]")).to_contain_text("quitte cette machine")
    expect(french.find("[data-way=load]")).to_have_count(0)
    french.find("nav [data-view=prompt]").click()
    expect(french.find("#model")).to_have_value("tiny:1b")

    french.find("#model").select_option("gpt-oss:120b-cloud")
    french.find("#human").fill("Un secret")
    french.find("#send").click()

    expect(french.sees_fault("cloud_off")).to_contain_text("CLOUD_MODELS=true")
    assert not fake.requests_to("/api/chat")


def test_the_trained_context_stands_beside_the_one_that_a_model_would_get(english: Reader, managed: Pair) -> None:
    _, gateway = managed

    english.open(gateway.url + "/#/models/gemma3:4b", model="")

    expect(english.find("[data-fact=context] dd")).to_have_text("4,096 tokens")
    expect(english.find("[data-fact=trained] dd")).to_have_text("131,072 tokens")


def test_with_an_empty_ollama_the_demo_answers_and_says_how_to_fill_it(english: Reader) -> None:
    settings = {"BACKEND": "auto", "LMSTUDIO_URL": "http://127.0.0.1:9", "MANAGE_MODELS": "true"}
    with FakeBackend("ollama", []) as fake, RunningGateway(OLLAMA_URL=fake.url, **settings) as gateway:
        english.open(gateway.url, model="")
        expect(english.find("[data-part=demo-note]")).to_contain_text("ollama pull llama3.2")

        english.find("nav [data-view=models]").click()
        ask_for(english, "smollm2:135m")

        expect(english.find('.model-row[data-model="smollm2:135m"]')).to_be_visible()
        expect(english.find("[data-part=no-delete]")).to_have_count(0)


# -- downloads


def test_a_download_shows_how_far_it_is_survives_a_change_of_view_and_ends_in_the_list(
    english: Reader, managed: Pair
) -> None:
    fake, gateway = managed
    half, rest, success = threading.Event(), threading.Event(), threading.Event()
    pulls_with(
        fake,
        *(told(1_000_000_000), WaitFor(half), told(2_000_000_000), WaitFor(rest)),
        *(told(4_000_000_000), Chunks([b'{"status":"verifying sha256 digest"}\n']), WaitFor(success)),
        *(Do(lambda: fake.fake.add("new:4b")), Chunks([b'{"status":"success"}\n']), End()),
    )
    english.page.clock.install()
    english.open(gateway.url + "/#/models/new:4b", model="")
    expect(english.find("#pull-name")).to_have_value("new:4b")
    expect(english.find("#pull-name")).to_be_focused()
    expect(english.find("[data-part=nothing]")).to_contain_text("no model “new:4b”")

    english.page.keyboard.press("Enter")
    figures = pull_row(english, "new:4b").locator("[data-part=figures]")
    expect(figures).to_have_text("25% · 1 GB of 4 GB")
    english.find("nav [data-view=prompt]").click()
    expect(english.find("#human")).to_be_visible()
    english.page.clock.fast_forward(10_000)
    half.set()
    english.find("nav [data-view=models]").click()

    expect(figures).to_contain_text("50% · 2 GB of 4 GB · ")
    expect(figures).to_contain_text("MB/s · ")
    expect(figures).to_contain_text("sec left")
    assert pull_row(english, "new:4b").locator("progress").evaluate("(bar) => bar.value") == 0.5
    rest.set()
    expect(pull_row(english, "new:4b")).to_have_attribute("data-phase", "verifying")
    success.set()
    expect(pull_row(english, "new:4b")).to_have_attribute("data-phase", "done")
    expect(english.find('.model-row[data-model="new:4b"]')).to_be_visible()
    pull_row(english, "new:4b").get_by_role("link", name="Show the model").click()
    expect(english.find(".details-name")).to_have_text("new:4b")
    pull_row(english, "new:4b").get_by_role("button", name="Take new:4b off the list").click()
    expect(english.find(".pull")).to_have_count(0)


def test_two_downloads_run_at_once_a_third_waits_and_stop_closes_the_connection(english: Reader, managed: Pair) -> None:
    fake, gateway = managed
    hold = threading.Event()
    n = pulls_with(fake, told(1_000_000_000), WaitFor(hold))
    for _ in range(2):
        pulls_with(fake, told(3_000_000_000), WaitFor(hold))
    english.open(gateway.url + "/#/models", model="")

    for name in ("one:1b", "two:1b", "three:1b"):
        ask_for(english, name)
    expect(pull_row(english, "one:1b")).to_have_attribute("data-phase", "downloading")
    expect(pull_row(english, "two:1b")).to_have_attribute("data-phase", "downloading")
    expect(pull_row(english, "three:1b")).to_have_attribute("data-phase", "queued")
    ask_for(english, "one:1b")  # which is not asked for twice
    assert [sent.json["model"] for sent in fake.requests_to("/api/pull")[n - 1 :]] == ["one:1b", "two:1b"]

    pull_row(english, "one:1b").locator("[data-way=stop]").click()

    expect(pull_row(english, "one:1b")).to_have_attribute("data-phase", "stopped")
    first = next(sent for sent in fake.requests_to("/api/pull")[n - 1 :] if sent.json["model"] == "one:1b")
    assert first.wait_closed()
    assert fake.wait_request(n + 2, path="/api/pull").json["model"] == "three:1b"
    expect(pull_row(english, "three:1b")).to_have_attribute("data-phase", "downloading")
    hold.set()


def test_a_download_that_breaks_off_says_so_and_goes_on(french: Reader, managed: Pair) -> None:
    fake, gateway = managed
    pulls_with(fake, told(1_000_000_000), Reset())
    french.open(gateway.url + "/#/models", model="")
    ask_for(french, "new:4b")
    row = pull_row(french, "new:4b")
    expect(row).to_have_attribute("data-phase", "cut")
    french.sees_fault("pull_cut", ".pull")

    pulls_with(fake, told(1_000_000_000), Fin())  # an end without the word "success" is no success either
    row.locator("[data-way=go-on]").click()
    expect(row).to_have_attribute("data-phase", "cut")
    french.context.route("**/models/pull", _refuse_once)
    row.locator("[data-way=go-on]").click()
    french.sees_fault("backend_down", ".pull")
    pulls_with(
        fake, told(4_000_000_000), Do(lambda: fake.fake.add("new:4b")), Chunks([b'{"status":"success"}\n']), End()
    )
    row.locator("[data-way=go-on]").click()
    expect(row).to_have_attribute("data-phase", "done")

    ask_for(french, "nobody:knows")
    french.sees_fault("pull_unknown", ".pull")
    expect(pull_row(french, "nobody:knows").locator("[data-way=go-on]")).to_have_count(0)


def _refuse_once(route: Route) -> None:
    error = {"message": "No backend answers.", "code": "backend_unavailable"}
    route.fulfill(status=503, content_type="application/json", body=json.dumps({"error": error}))
    route.request.frame.page.context.unroute("**/models/pull")


# -- everybody


@pytest.mark.parametrize(("scheme", "width"), [("dark", 390), ("light", 1280)])
def test_axe_finds_nothing_serious_among_models(reader: OpenReader, managed: Pair, scheme: str, width: int) -> None:
    fake, gateway = managed
    hold = threading.Event()
    pulls_with(fake, told(1_000_000_000), WaitFor(hold))
    page = reader(bypass_csp=True, color_scheme=scheme, viewport={"width": width, "height": 800})
    page.open(gateway.url + "/#/models", model="")
    page.page.add_script_tag(path=AXE)
    ask_for(page, "new:4b")
    ask_for(page, "http://not.a.library/a/b")
    page.sees_fault("pull_refused", ".pull")
    expect(pull_row(page, "new:4b")).to_have_attribute("data-phase", "downloading")
    found = _axe(page)

    page.find('.model-row[data-model="llama3.2:latest"]').click()
    page.find("[data-text=template] summary").click()
    page.find("[data-way=delete]").click()

    assert found + _axe(page) == []
    hold.set()
