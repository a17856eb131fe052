"""The library of prompts: what comes with the page, and the reader's own as the browser keeps them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.reader import Reader

PRESETS = json.loads((Path(__file__).resolve().parents[2] / "frontend" / "presets.json").read_text(encoding="utf-8"))
PLACEHOLDER = re.compile(r"\{\{(\w+)\}\}")
PRELUDE = """
const { default: Presets } = await import("/state/prompt/presets.js")
const kept = globalThis.kept ??= {}
const p = kept.p ??= await Presets.load()
const own = () => p.all("en").filter(({ isOwn }) => isOwn)
"""


def run(page: Page, script: str, argument: Any = None) -> Any:
    return page.evaluate("async (argument) => {" + PRELUDE + script + "}", argument)


@pytest.fixture
def page(english: Reader, patient_pair: Any) -> Page:
    """A page of the gateway that runs no code of its own."""
    english.page.goto(f"{patient_pair[1].url}/favicon.svg")
    return english.page


def texts_of(preset: dict[str, Any]) -> list[dict[str, str]]:
    pairs = [pair[who] for pair in preset.get("examples", []) for who in ("user", "assistant")]
    return [preset["title"], preset["system"], preset["user"], *pairs]


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset["id"])
def test_a_preset_that_comes_with_the_page_is_whole_in_both_languages(preset: dict[str, Any]) -> None:
    assert set(preset) <= {"id", "title", "system", "user", "examples", "variables"}
    for text in texts_of(preset):
        assert set(text) == {"en", "fr"}
        assert all(said.strip() for said in text.values())
    for language in ("en", "fr"):
        asked = set(PLACEHOLDER.findall(preset["system"][language] + preset["user"][language]))
        assert set(preset.get("variables", {}).get(language, {})) == asked


def test_the_library_shows_what_variables_and_examples_are_for() -> None:
    assert len({preset["id"] for preset in PRESETS}) == len(PRESETS) == 6
    assert sum("variables" in preset for preset in PRESETS) >= 2
    assert sum("examples" in preset for preset in PRESETS) >= 1


def test_a_preset_of_ones_own_is_kept_and_two_tabs_share_it(page: Page) -> None:
    other = page.context.new_page()
    other.goto(page.url)
    run(other, 'kept.heard = new Promise((resolve) => p.addEventListener("change", resolve))')
    saved = run(
        page,
        """
        let changes = 0
        p.addEventListener("change", () => changes++)
        const first = p.save({ title: " My \\n own ", system: "Be {{tone}}", user: "{{topic}}",
          variables: { tone: "kind", other: "dropped" },
          examples: [{ user: "a", assistant: "b", evil: 1 }], evil: 1 })
        const again = p.save({ ...first, user: "Changed" })
        const copy = p.save(p.get("oracle", "en"))
        p.save({ user: "No title here" })
        p.remove("oracle")
        p.remove(p.save({ user: "gone" }).id)
        return { first: { ...first, id: "" }, same: again.id === first.id, user: p.get(first.id).user,
          copy: [copy.isOwn, copy.id === "oracle"], changes,
          all: p.all("fr").map(({ title }) => title), french: p.get("weekly", "fr").variables.équipe }
        """,
    )
    there = run(
        other,
        """
        await kept.heard
        const titles = own().map(({ title }) => title)
        p.save({ title: "From there" })
        return titles
        """,
    )
    page.reload()
    back = run(page, "return own().map(({ title, examples }) => [title, examples.length])")

    assert saved == {
        "first": {
            "id": "",
            "isOwn": True,
            "title": "My own",
            "system": "Be {{tone}}",
            "user": "{{topic}}",
            "examples": [{"user": "a", "assistant": "b"}],
            "variables": {"tone": "kind"},
        },
        "same": True,
        "user": "Changed",
        "copy": [True, False],
        "changes": 6,
        "all": [preset["title"]["fr"] for preset in PRESETS] + ["My own", "Short answers", "No title here"],
        "french": "l’équipe web",
    }
    assert there == ["My own", "Short answers", "No title here"]
    assert back == [["My own", 1], ["Short answers", 3], ["No title here", 0], ["From there", 0]]


def test_what_cannot_be_stored_stays_in_the_tab(page: Page) -> None:
    seen = run(
        page,
        """
        localStorage.setItem("passerelle.preset.broken", "{nonsense")
        localStorage.setItem("filler", "x".repeat(5_200_000))
        p.save({ title: "No room", user: "x".repeat(50_000) })
        const faults = [p.fault]
        const shown = own().map(({ title }) => title)
        localStorage.removeItem("filler")
        p.save({ title: "Room" })
        faults.push(p.fault)
        const stored = (await Presets.load()).all("en").filter(({ isOwn }) => isOwn).map(({ title }) => title)
        Object.defineProperty(globalThis, "localStorage", { get() { throw new DOMException("denied",
          "SecurityError") } })
        const refused = await Presets.load()
        refused.save({ title: "Private" })
        return { faults: [...faults, refused.fault], shown, stored, refused: refused.all("en").at(-1).title }
        """,
    )

    assert seen == {
        "faults": ["storage_full", None, "storage_refused"],
        "shown": ["No room"],
        "stored": ["No room", "Room"],
        "refused": "Private",
    }
