"""What holds in every view: nothing sticks out, nothing is mute, nothing that was stored or named can run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenReader
from tests.browser.hostile_text import TRAP, hostile_texts
from tests.browser.reader import Reader
from tests.fake_backend import FakeBackend
from tests.running_gateway import RunningGateway

pytestmark = pytest.mark.browser
AXE = Path(__file__).resolve().parents[2] / "tools" / "vendor" / "node_modules" / "axe-core" / "axe.min.js"
VIEWS = {
    "prompt": "#human",
    "chat": "#question",
    "compare": "#run",
    "models": "[data-model]",
    "stats": "svg[role=img]",
    "settings": "#endpoint",
}
STICKING_OUT = "() => document.documentElement.scrollWidth - innerWidth"


def go(page: Reader, view: str) -> None:
    page.measure(f"() => {{ location.hash = '#/{view}' }}")
    expect(page.find(f"#main[data-view={view}] {VIEWS[view]}").first).to_be_visible(timeout=20_000)


@pytest.mark.parametrize(("scheme", "width"), [("dark", 390), ("light", 1280)])
def test_axe_finds_nothing_serious_in_any_view(reader: OpenReader, patient_pair: Any, scheme: str, width: int) -> None:
    """The policy would stop axe's script, so this context alone goes without it."""
    page = reader(bypass_csp=True, color_scheme=scheme, viewport={"width": width, "height": 800})
    page.open(patient_pair[1].url)
    page.page.add_script_tag(path=AXE)
    found = {}
    for view in VIEWS:
        go(page, view)
        told = page.measure("() => axe.run(document, { resultTypes: ['violations'] })")
        found[view] = [
            f"{one['id']}: {one['help']} {[node['target'] for node in one['nodes']]}"
            for one in told["violations"]
            if one["impact"] in ("serious", "critical", "moderate")
        ]

    assert {view: violations for view, violations in found.items() if violations} == {}


def test_no_view_scrolls_sideways_and_every_word_is_there_in_both_languages(
    reader: OpenReader, patient_pair: Any
) -> None:
    """320 px is a small phone; it is also 1280 px at a zoom of 400 %."""
    page = reader(locale="fr-FR", viewport={"width": 320, "height": 640}).open(patient_pair[1].url)
    sticking_out = []
    for view in VIEWS:
        for language in ("fr", "en"):
            page.find(f"[data-language={language}]").click()
            go(page, view)
            expect(page.find("html")).to_have_attribute("lang", language)
            expect(page.find(f".views [data-view={view}]")).to_have_attribute("aria-current", "page")
            sticking_out += [(view, language)] if page.measure(STICKING_OUT) > 0 else []
        page.page.set_viewport_size({"width": 640, "height": 400})  # 1280 by 800 at a zoom of 200 %
        sticking_out += [(view, "zoomed")] if page.measure(STICKING_OUT) > 0 else []
        page.page.set_viewport_size({"width": 320, "height": 640})

    assert sticking_out == []


def test_every_view_can_be_reached_and_left_by_keyboard_alone(english: Reader, patient_pair: Any) -> None:
    english.open(patient_pair[1].url)

    for view in VIEWS:
        english.find(f".views [data-view={view}]").focus()
        english.page.keyboard.press("Enter")
        expect(english.find(f"#main[data-view={view}] {VIEWS[view]}").first).to_be_visible(timeout=20_000)
        trail = [_focused(english) for _ in range(12) if not english.page.keyboard.press("Tab")]
        assert any("#main" in place for place in trail), (view, trail)
        assert all("visible" in place for place in trail), (view, trail)


def _focused(page: Reader) -> str:
    """Where the focus is, and whether it can be seen there."""
    place: str = page.measure("""() => {
      const one = document.activeElement, style = getComputedStyle(one), box = one.getBoundingClientRect()
      const isSeen = style.outlineStyle !== "none" || style.boxShadow !== "none" || one === document.body
      return `${one.closest("#main") ? "#main " : ""}${one.id || one.className || one.localName} ` +
        (isSeen && (box.width > 0 || one === document.body) ? "visible" : "unseen")
    }""")
    return place


NAMES = [text for text in hostile_texts() if text.isprintable() and len(text) < 200][:60]


@pytest.fixture(scope="module")
def hostile_names() -> Iterator[RunningGateway]:
    with (
        FakeBackend("openai", models=["llama3.2:latest", *NAMES]) as fake,
        RunningGateway(BACKEND="openai", OPENAI_URL=fake.url + "/v1") as gateway,
    ):
        yield gateway


def test_hostile_names_titles_and_stored_texts_run_nothing_in_any_view(
    reader: OpenReader, hostile_names: RunningGateway
) -> None:
    page = reader()
    page.context.add_init_script(TRAP)
    page.open(hostile_names.url)
    texts = list(hostile_texts())
    page.page.evaluate(STORE, texts)
    page.page.reload()

    for view in VIEWS:
        go(page, view)
    go(page, "chat")
    rows = page.find("[data-part=conversations] li")
    expect(rows).to_have_count(30)
    rows.filter(has_text="All of them").get_by_role("link").first.click()
    expect(page.find("article.message")).to_have_count(300)
    _scroll_through(page)

    assert page.measure("() => trapped") == []
    assert page.find("#main script, #main iframe, #main img, #main object, #main svg script").count() == 0


def _scroll_through(page: Reader) -> None:
    """Messages are drawn when they come near."""
    while page.measure("""() => {
      const box = document.querySelector("[data-part=messages]")
      const before = box.scrollTop
      box.scrollTop -= 2000
      return before > 0 && box.scrollTop < before
    }"""):
        page.page.wait_for_timeout(30)


# Thirty conversations: twenty-nine with a hostile title and system prompt, one with every text as question and answer.
STORE = """async (texts) => {
  const { default: Conversations } = await import("/state/conversations/conversations.js")
  const { default: Presets } = await import("/state/prompt/presets.js")
  const conversations = await Conversations.open()
  const message = (role, text, id, parentId) => ({ id, parentId, role, text, createdAt: 1, state: "whole" })
  const one = (title, messages) => ({ title, isTitled: true, system: title, createdAt: 1, updatedAt: 1, messages })
  const hostile = texts.slice(0, 29).map((text, index) =>
    one(text.slice(0, 200), [message("user", text, `q${index}`, null)]))
  const chain = texts.slice(0, 300).map((text, index) =>
    message(index % 2 ? "assistant" : "user", text, `m${index}`, index ? `m${index - 1}` : null))
  const told = await conversations.importJson({
    format: "passerelle-conversations", version: 1, conversations: [...hostile, one("All of them", chain)],
  })
  const presets = await Presets.load()
  for (const text of texts.slice(0, 20)) {
    const examples = [{ user: text, assistant: text }]
    presets.save({ title: text.slice(0, 60), system: text, user: text, examples, variables: {} })
  }
  return told
}"""
