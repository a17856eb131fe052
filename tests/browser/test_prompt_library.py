"""The library of presets: saved, found, changed, deleted, taken along as a file, and harmless whatever it holds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import ROOT, OpenReader
from tests.browser.reader import Reader

pytestmark = pytest.mark.browser
AXE = ROOT / "tools" / "vendor" / "node_modules" / "axe-core" / "axe.min.js"
WIDE_WORD = "Donaudampfschifffahrtsgesellschaftskapitän" * 4
HOSTILE = '<img src=x onerror="alert(1)"></textarea><script>alert(2)</script>{{__proto__}}'
DROP = """([selector, name, text]) => {
  const data = new DataTransfer()
  data.items.add(new File([text], name, { type: "application/json" }))
  const options = { dataTransfer: data, bubbles: true, cancelable: true }
  document.querySelector(selector).dispatchEvent(new DragEvent("drop", options))
}"""


def save_as(page: Reader, name: str) -> None:
    page.find("[data-do=save]").click()
    page.find("#preset-name").fill(name)
    page.find("#preset-name").press("Enter")


def open_library(page: Reader) -> None:
    page.find("[data-do=library]").click()
    expect(page.find("#preset-search")).to_be_focused()


def chips(page: Reader) -> list[str]:
    return page.find(".chip").all_inner_texts()


def test_what_is_typed_is_kept_under_a_name_and_replaced_only_when_told_to(english: Reader, patient_pair: Any) -> None:
    english.open(patient_pair[1].url)
    english.find("#system").fill("Be brief.")
    english.find("#human").fill("What is {{topic}}?")
    english.find("#variable-topic").fill("a mole")
    save_as(english, "  Mine ")
    expect(english.find(".chip[aria-pressed=true]")).to_have_text("Mine")
    expect(english.find("[data-do=save]")).to_be_focused()

    english.find("#system").fill("Be long.")
    save_as(english, "mine")
    expect(english.find("[data-part=save-form] [role=alert]")).to_contain_text("“Mine”")
    assert chips(english).count("Mine") == 1
    english.find("[data-part=save-form] [data-do=cancel]").click()
    english.find("[data-do=save]").click()
    expect(english.find("#preset-name")).to_have_value("Mine")  # where the text came from
    english.find("#preset-name").press("Enter")
    expect(english.find("[data-do=keep]")).to_have_text("Replace")
    english.page.keyboard.press("Enter")

    english.open(patient_pair[1].url)
    assert chips(english).count("Mine") == 1
    english.find(".chip:text-is('Mine')").click()
    expect(english.find("#system")).to_have_value("Be long.")
    expect(english.find("#variable-topic")).to_have_value("a mole")


def test_the_library_finds_renames_copies_deletes_and_undoes(french: Reader, patient_pair: Any) -> None:
    french.open(patient_pair[1].url)
    open_library(french)
    french.find("#preset-search").fill("DOCKER")
    expect(french.find(".preset-row")).to_have_count(1)
    french.find("[data-row=architect] [data-do=duplicate]").click()
    expect(french.find("#preset-library")).to_be_hidden()
    expect(french.find(".chip[aria-pressed=true]")).to_have_text("Architecte logiciel (copie)")

    open_library(french)
    own = french.find("[data-part=presets_own] .preset-row")
    own.locator("[data-do=rename]").click()
    own.locator("input").fill("Mon architecte")
    own.locator("input").press("Enter")
    expect(own.locator(".preset-title")).to_have_text("Mon architecte")
    expect(own.locator("[data-do=rename]")).to_be_focused()

    place = own.get_attribute("data-row") or ""
    own.locator("[data-do=delete]").click()
    expect(own).to_have_count(0)
    expect(french.find("[data-preset=free]")).to_have_attribute("aria-pressed", "true")
    french.find("[data-do=undo]").click()
    expect(own.locator(".preset-title")).to_have_text("Mon architecte")
    expect(own).to_have_attribute("data-row", place)
    french.page.keyboard.press("Escape")
    expect(french.find(".chip[aria-pressed=true]")).to_have_text("Mon architecte")


def test_many_presets_are_a_few_chips_and_a_library(reader: OpenReader, patient_pair: Any) -> None:
    page = reader(viewport={"width": 390, "height": 800}).open(patient_pair[1].url)
    for number in range(4):
        save_as(page, f"Number {number}")
        expect(page.find(".chip[aria-pressed=true]")).to_have_text(f"Number {number}")

    page.find("[data-preset=dreams]").click()

    assert chips(page) == ["Number 3", "Number 2", "Number 1", "Number 0", "Dream interpreter", "Free text"]
    expect(page.find("[data-do=library]")).to_have_text("All presets (10)")
    open_library(page)
    page.find("[data-row=oracle] .preset-choice").click()
    expect(page.find("[data-preset=oracle]")).to_have_attribute("aria-pressed", "true")


def test_an_exported_file_comes_back_in_another_browser(reader: OpenReader, patient_pair: Any, tmp_path: Path) -> None:
    page = reader().open(patient_pair[1].url)
    open_library(page)
    expect(page.find("[data-do=export]")).to_be_disabled()
    page.page.keyboard.press("Escape")
    page.find("[data-preset=oracle]").click()
    save_as(page, HOSTILE)
    open_library(page)
    with page.page.expect_download() as download:
        page.find("[data-do=export]").click()
    file = tmp_path / download.value.suggested_filename
    download.value.save_as(file)

    other = reader().open(patient_pair[1].url)
    open_library(other)
    other.find("#preset-file").set_input_files(file)

    expect(other.find("[data-part=outcome] [role=status]")).to_have_text("Prompts added: 1. Already here: 0.")
    other.find("#preset-file").set_input_files(file)
    expect(other.find("[data-part=outcome] [role=status]")).to_have_text("Prompts added: 0. Already here: 1.")
    own = other.find("[data-part=presets_own] .preset-choice")
    expect(own.locator(".preset-title")).to_have_text(HOSTILE)
    own.click()
    expect(other.find("[data-part=count]")).to_have_text("3")


def test_what_a_file_holds_stays_text_and_a_wrong_file_is_explained(english: Reader, patient_pair: Any) -> None:
    english.open(patient_pair[1].url)
    good = {
        "title": HOSTILE,
        "system": HOSTILE,
        "user": HOSTILE,
        "examples": [{"user": HOSTILE, "assistant": "{{only_here}}"}],
        "variables": {"__proto__": HOSTILE, "only_here": "an example"},
    }
    file = {"format": "passerelle-presets", "version": 1, "presets": [good, {**good, "user": 7}]}

    english.page.evaluate(DROP, ["#human", "prompts.json", json.dumps(file)])

    expect(english.find("[data-part=outcome] [role=status]")).to_have_text("Prompts added: 1. Already here: 0.")
    english.sees_fault("import_wrong", "#preset-library")
    expect(english.find("#preset-library .notice")).to_contain_text("presets[1].user")
    english.find("[data-part=presets_own] .preset-choice").click()
    english.find(".examples summary").click()
    english.find(".preview summary").click()
    expect(english.find("#system")).to_have_value(HOSTILE)
    expect(english.find(".chip[aria-pressed=true]")).to_have_text(HOSTILE)
    expect(english.find("#variable-__proto__")).to_have_value(HOSTILE)
    expect(english.find("#variable-only_here")).to_have_value("an example")
    expect(english.find("[data-part=preview] [data-role=system] dd")).to_have_text(
        HOSTILE.replace("{{__proto__}}", HOSTILE)
    )
    assert english.find("#page img, #page script").count() == 0

    for text, kind in (("{", "import_wrong"), ("[]", "import_no_presets"), ("# Notes", "import_no_presets")):
        english.page.evaluate(DROP, ["#composer-title", "prompts.json", text])
        english.sees_fault(kind, "#preset-library")
        english.page.keyboard.press("Escape")
    newer = {"format": "passerelle-presets", "version": 2, "presets": []}
    english.page.evaluate(DROP, ["#composer-title", "prompts.json", json.dumps(newer)])
    english.sees_fault("import_newer", "#preset-library")


def test_presets_that_cannot_be_stored_say_so_and_can_be_exported(english: Reader, patient_pair: Any) -> None:
    english.context.add_init_script(
        "Storage.prototype.setItem = () => { throw new DOMException('', 'QuotaExceededError') }"
    )
    english.open(patient_pair[1].url)
    save_as(english, "Mine")

    open_library(english)

    english.sees_fault("presets_unstored", "#preset-library")
    expect(english.find("[data-do=export]")).to_be_enabled()


@pytest.mark.parametrize(("scheme", "widths"), [("dark", (320, 720)), ("light", (390, 1280))])
def test_editors_and_library_fit_every_width_and_axe_finds_nothing_serious(
    reader: OpenReader, patient_pair: Any, scheme: str, widths: tuple[int, int]
) -> None:
    """The policy would stop axe's script, so this context alone goes without it."""
    viewport = {"width": widths[0], "height": 800}
    page = reader(bypass_csp=True, color_scheme=scheme, viewport=viewport).open(patient_pair[1].url)
    page.page.add_script_tag(path=AXE)
    page.find("#system").fill("{{" + WIDE_WORD + "}}")
    save_as(page, WIDE_WORD)
    page.find(".examples summary").click()
    page.find("[data-do=add-example]").click()
    page.page.keyboard.insert_text(WIDE_WORD)
    page.find("#send").click()
    expect(page.find(".objection")).to_be_visible()
    page.page.keyboard.insert_text(WIDE_WORD)
    page.find("#send").click()
    expect(page.find(".objection")).to_contain_text(WIDE_WORD)
    page.find(".preview summary").click()
    save_as(page, WIDE_WORD)
    expect(page.find("[data-part=save-form] [role=alert]")).to_be_visible()
    assert _faults(page, widths) == []

    open_library(page)
    page.find("[data-part=presets_own] [data-do=delete]").click()
    expect(page.find("[data-part=undo]")).to_be_visible()
    page.page.evaluate(DROP, [".library", "prompts.json", "{"])
    page.sees_fault("import_wrong", "#preset-library")
    assert _faults(page, widths) == []


def _faults(page: Reader, widths: tuple[int, int]) -> list[str]:
    found = []
    for width in widths:
        page.page.set_viewport_size({"width": width, "height": 800})
        overflow = page.measure("() => document.documentElement.scrollWidth - innerWidth")
        found += [f"{width} px: {overflow} px too wide"] if overflow > 0 else []
    violations = page.measure("async () => (await axe.run(document)).violations")
    return found + [
        f"{violation['id']}: {violation['help']} {[node['target'] for node in violation['nodes']]}"
        for violation in violations
        if violation["impact"] in ("serious", "critical", "moderate")
    ]
