"""What makes the page usable by everybody: languages, keyboard, screens of every size, screen readers."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser import openai_stream as script
from tests.browser.conftest import ROOT, OpenReader
from tests.browser.reader import Reader
from tests.fake_backend import WaitFor

pytestmark = pytest.mark.browser
AXE = ROOT / "tools" / "vendor" / "node_modules" / "axe-core" / "axe.min.js"
PRESETS = json.loads((ROOT / "frontend" / "presets.json").read_text(encoding="utf-8"))
WIDE_WORD = "Donaudampfschifffahrtsgesellschaftskapitän" * 4


def test_the_first_view_asks_for_no_module_that_was_not_announced(english: Reader, patient_pair: Any) -> None:
    said: list[str] = []
    english.page.on("console", lambda message: said.append(message.text))

    with english.page.expect_request("**/vendor/langchain.js"):  # it comes first of what can wait
        english.open(patient_pair[1].url)

    links = english.find("link[rel=modulepreload]")
    announced = set(links.evaluate_all("(links) => links.map((link) => link.href)"))
    scripts = [url for url in english.asked if url.endswith(".js")]
    first = scripts[: scripts.index(f"{patient_pair[1].url}/vendor/langchain.js")]
    assert len(first) > 50
    assert set(first) == announced
    assert [text for text in said if "preload" in text] == []


def test_the_language_follows_the_browser_then_the_reader(reader: OpenReader, patient_pair: Any) -> None:
    page = reader(locale="fr-CA").open(patient_pair[1].url)
    expect(page.find("html")).to_have_attribute("lang", "fr")
    expect(page.find("#send")).to_have_text("Envoyer")

    page.find("[data-language=en]").click()

    expect(page.find("html")).to_have_attribute("lang", "en")
    expect(page.find("#send")).to_have_text("Send")
    page.open(patient_pair[1].url)
    expect(page.find("#send")).to_have_text("Send")


def test_everything_on_screen_changes_its_language(reader: OpenReader, patient_pair: Any) -> None:
    fake, gateway = patient_pair
    page = reader(locale="en-US").open(gateway.url)
    fake.script(script.PATH, script.BEGIN, script.thought("Hm."), script.said("Half"), script.finish("length"))
    page.find("[data-preset=translator]").click()
    page.ask()
    page.sees_phase("length")

    page.find("[data-language=fr]").click()

    expect(page.part("state")).to_have_text("Coupée à la limite")
    expect(page.part("ending")).to_contain_text("limite")
    expect(page.part("thought-title")).to_contain_text("Raisonnement")
    expect(page.find("#human")).to_have_value(PRESETS[2]["user"]["fr"])
    assert "tokens" not in page.find("#page").inner_text()


def test_three_presets_and_free_text_that_is_not_lost(english: Reader, patient_pair: Any) -> None:
    english.open(patient_pair[1].url)
    chips = english.find(".chip")
    assert chips.all_inner_texts() == [*(preset["title"]["en"] for preset in PRESETS), "Free text"]
    expect(english.find("#human")).to_have_value(PRESETS[0]["user"]["en"])

    english.find("#human").fill("My own question")
    expect(english.find("[data-preset=free]")).to_have_attribute("aria-pressed", "true")
    english.find("[data-preset=architect]").click()
    expect(english.find("#system")).to_have_value(PRESETS[1]["system"]["en"])
    english.find("[data-preset=free]").click()

    expect(english.find("#human")).to_have_value("My own question")


def test_the_keyboard_sends_and_stops_and_leaves_the_input_method_alone(english: Reader, patient_pair: Any) -> None:
    fake, gateway = patient_pair
    hold = threading.Event()
    fake.script(script.PATH, script.BEGIN, script.said("I begin"), WaitFor(hold))
    english.open(gateway.url)
    human = english.find("#human")
    human.fill("Hello?")
    before = len(fake.requests_to(script.PATH))

    human.dispatch_event("keydown", {"key": "Enter", "ctrlKey": True, "isComposing": True, "bubbles": True})
    human.press("Enter")
    assert english.find("#answer").get_attribute("data-phase") is None
    expect(human).to_have_value("Hello?\n")

    human.press("Control+Enter")
    english.sees_text("I begin")
    english.page.keyboard.press("Escape")
    english.sees_phase("stopped")
    assert len(fake.requests_to(script.PATH)) == before + 1
    hold.set()


def test_the_focus_goes_from_send_to_stop_and_back(english: Reader, patient_pair: Any) -> None:
    fake, gateway = patient_pair
    hold = threading.Event()
    fake.script(script.PATH, script.BEGIN, script.said("I begin"), WaitFor(hold))
    english.open(gateway.url)

    english.find("#send").focus()
    english.page.keyboard.press("Enter")
    english.sees_text("I begin")
    expect(english.find("#stop")).to_be_focused()
    english.page.keyboard.press("Enter")

    expect(english.find("#send")).to_be_focused()
    english.sees_phase("stopped")
    hold.set()


def test_a_screen_reader_gets_the_answer_when_it_is_whole(english: Reader, patient_pair: Any) -> None:
    fake, gateway = patient_pair
    hold = threading.Event()
    fake.script(script.PATH, script.BEGIN, script.said("Half"), WaitFor(hold), script.finish("stop"), script.DONE)
    english.open(gateway.url).ask("Hello?")

    english.sees_text("Half")
    expect(english.part("text")).to_have_attribute("aria-live", "polite")
    expect(english.part("text")).to_have_attribute("aria-busy", "true")
    hold.set()

    expect(english.part("text")).to_have_attribute("aria-busy", "false")
    expect(english.part("state")).to_have_text("Complete")


def test_what_is_being_typed_outlives_a_redrawing(english: Reader, patient_pair: Any) -> None:
    english.open(patient_pair[1].url)
    for field, text in (("max-tokens", "77"), ("endpoint", "http://127.0.0.1:9/v1"), ("key", "half-a-key")):
        english.find(f"#{field}").fill(text)

        english.measure("() => { dispatchEvent(new Event('hashchange')) }")  # draws the whole page anew

        english.measure("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
        expect(english.find(f"#{field}")).to_have_value(text)


WIDTHS = (320, 390, 720, 1119, 1280)
OVERFLOW = "() => document.documentElement.scrollWidth - innerWidth"


def test_no_width_scrolls_sideways(reader: OpenReader, patient_pair: Any) -> None:
    fake, gateway = patient_pair
    page = reader(locale="fr-FR", viewport={"width": 320, "height": 700}).open(gateway.url)
    assert _overflows(page) == []

    fake.script(script.PATH, script.BEGIN, script.thought(WIDE_WORD), script.said(WIDE_WORD), script.finish("stop"))
    page.ask(WIDE_WORD)
    page.sees_phase("done")
    page.part("thought-title").click()
    assert _overflows(page) == []

    page.context.route("**/health", lambda route: route.abort())
    page.context.route("**/models", lambda route: route.abort())
    page.find("#configuration").evaluate("(panel) => { panel.open = true }")
    page.find("#model-refresh").click()
    page.sees_fault("gateway_down", "#catalog-notice")
    assert _overflows(page) == []


def _overflows(page: Reader) -> list[int]:
    found = []
    for width in WIDTHS:
        page.page.set_viewport_size({"width": width, "height": 700})
        page.find("#configuration").evaluate("(panel) => { panel.open = true }")
        found += [width] if page.measure(OVERFLOW) > 0 else []
    return found


def test_on_a_phone_send_and_stop_stay_in_reach(reader: OpenReader, patient_pair: Any) -> None:
    fake, gateway = patient_pair
    hold = threading.Event()
    fake.script(script.PATH, script.BEGIN, script.said("One\n" * 80), WaitFor(hold))
    page = reader(viewport={"width": 390, "height": 700}).open(gateway.url)
    expect(page.find("#send")).to_be_in_viewport()
    expect(page.find("#configuration #key")).to_be_hidden()

    page.ask("Many lines.")
    expect(page.part("text")).to_contain_text("One")

    expect(page.find("#stop")).to_be_in_viewport()
    expect(page.find("#answer-title")).not_to_be_in_viewport()  # the page has followed the end
    page.find("#stop").click()
    page.sees_phase("stopped")
    hold.set()


def test_reduced_motion_stops_every_animation(reader: OpenReader, patient_pair: Any) -> None:
    fake, gateway = patient_pair
    hold = threading.Event()
    fake.script(script.PATH, script.BEGIN, WaitFor(hold))
    before = len(fake.requests_to(script.PATH))
    page = reader(reduced_motion="reduce").open(gateway.url)

    page.ask("Hello?")
    fake.wait_request(before + 1, path=script.PATH)
    expect(page.part("waiting")).to_be_visible()

    assert page.measure("() => document.getAnimations().length") == 0
    page.find("#stop").click()
    hold.set()


@pytest.mark.parametrize(("scheme", "width"), [("dark", 390), ("light", 1280)])
def test_axe_finds_nothing_serious(reader: OpenReader, patient_pair: Any, scheme: str, width: int) -> None:
    """The policy would stop axe's script, so this context alone goes without it."""
    fake, gateway = patient_pair
    page = reader(bypass_csp=True, color_scheme=scheme, viewport={"width": width, "height": 800}).open(gateway.url)
    page.page.add_script_tag(path=AXE)
    page.find("#configuration").evaluate("(panel) => { panel.open = true }")
    fake.script(script.PATH, script.BEGIN, script.thought("Hm."), script.said("Half"), script.finish("length"))
    page.ask("Hello?")
    page.sees_phase("length")
    found = _axe(page)

    page.context.route("**/v1/chat/completions", lambda route: route.abort())
    page.ask("Hello?")
    page.sees_fault("gateway_down")
    found += _axe(page)

    assert found == []


def _axe(page: Reader) -> list[str]:
    result = page.measure("() => axe.run(document)")
    return [
        f"{violation['id']}: {violation['help']} {[node['target'] for node in violation['nodes']]}"
        for violation in result["violations"]
        if violation["impact"] in ("serious", "critical", "moderate")
    ]
