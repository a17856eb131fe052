"""The settings: what holds everywhere, what this browser keeps, and how to take it along or be rid of it."""

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
KEY = "a-key-for-tests-0123456789"
SEED = """async () => {
  const { default: Conversations } = await import("/state/conversations/conversations.js")
  const conversations = await Conversations.open()
  const { id } = await conversations.create({ title: "Seen from the moon" })
  await conversations.put({ conversationId: id, parentId: null, role: "user", text: "How far is it?" })
}"""
KEPT = """async () => ({
  local: { ...localStorage },
  session: { ...sessionStorage },
  caches: await caches.keys(),
  conversations: await new Promise((resolve) => {
    const opening = indexedDB.open("passerelle")
    opening.onsuccess = () => {
      const { result } = opening
      if (!result.objectStoreNames.contains("conversations")) return resolve([])
      const asked = result.transaction("conversations").objectStore("conversations").getAllKeys()
      asked.onsuccess = () => { result.close(); resolve(asked.result) }
    }
  }),
})"""


def opened(page: Reader, pair: Any, field: str = "") -> Reader:
    page.open(f"{pair[1].url}/#/settings{'/' + field if field else ''}")
    expect(page.find("[data-part=room]")).to_be_visible()
    return page


def count(page: Reader, part: str, value: str) -> None:
    expect(page.find(f"[data-part={part}]")).to_have_text(value)


def test_the_address_leads_to_a_field_and_what_is_set_holds_in_every_view(english: Reader, patient_pair: Any) -> None:
    opened(english, patient_pair, "key")
    expect(english.find("#key")).to_be_focused()

    english.configure("key", KEY)
    english.find("#temperature").fill("0.3")
    english.configure("seed", "42")
    english.find("nav [data-view=prompt]").click()

    expect(english.find("#key")).to_have_value(KEY)
    expect(english.find("#configuration #temperature")).to_have_value("0.3")
    expect(english.find("#configuration #seed")).to_have_value("42")
    stored = english.measure(KEPT)
    assert KEY in json.dumps(stored["session"])
    assert KEY not in json.dumps(stored["local"])
    english.find("nav [data-view=settings]").click()
    english.find("#keep-key").check()
    assert KEY in json.dumps(english.measure(KEPT)["local"])
    english.find("#keep-key").uncheck()
    assert KEY not in json.dumps(english.measure(KEPT)["local"])


def test_language_and_theme_hold_after_a_reload(reader: OpenReader, patient_pair: Any) -> None:
    page = opened(reader(color_scheme="light"), patient_pair)
    paper = "() => getComputedStyle(document.documentElement).backgroundColor"
    light = page.measure(paper)
    expect(page.find("#theme-system")).to_be_checked()

    page.find("#theme-system").focus()
    page.page.keyboard.press("ArrowLeft")
    expect(page.find("#theme-dark")).to_be_checked()
    page.find("#language-fr").check(force=True)

    expect(page.find("html")).to_have_attribute("lang", "fr")
    dark = page.measure(paper)
    assert dark != light
    page.page.reload()
    expect(page.find("#theme-dark")).to_be_checked()
    expect(page.find("#language-fr")).to_be_checked()
    expect(page.find("#appearance-title")).to_have_text("Apparence")
    assert page.measure(paper) == dark
    page.find("#theme-system").check(force=True)
    assert page.measure(paper) == light


def test_it_tells_what_is_kept_and_which_gateway_this_is(english: Reader, patient_pair: Any) -> None:
    opened(english, patient_pair)
    count(english, "count", "0")

    english.measure(SEED)

    count(english, "count", "1")
    expect(english.find("[data-part=room]")).to_contain_text("B of ")
    expect(english.find("[data-part=eviction]")).to_have_text("the browser may erase")
    english.find("#persist").click()
    expect(english.find("#data")).to_contain_text("The browser refused.")
    expect(english.find("[data-part=version]")).to_have_text(
        f"version {patient_pair[1].get('/health').json()['version']}"
    )
    expect(english.find("#install")).to_have_count(0)
    links = english.find(".settings-view a").evaluate_all("(links) => links.map((link) => link.href)")
    assert links == []


def test_everything_is_exported_without_keys_and_comes_back_elsewhere(
    english: Reader, reader: OpenReader, patient_pair: Any, tmp_path: Path
) -> None:
    opened(english, patient_pair)
    english.measure(SEED)
    english.configure("key", KEY)
    english.configure("max-tokens", "77")
    english.find("#keep-key").check()
    english.find("#theme-dark").check(force=True)
    count(english, "count", "1")

    with english.page.expect_download() as waiting:
        english.find("#export-everything").click()
    file = tmp_path / "everything.json"
    waiting.value.save_as(file)

    assert KEY not in file.read_text(encoding="utf-8")
    other = opened(reader(), patient_pair)
    for told in ("Conversations added: 1. Already here: 0.", "Conversations added: 0. Already here: 1."):
        other.find("#everything-file").set_input_files(file)
        expect(other.find("[data-part=import-outcome]")).to_contain_text(told)
    count(other, "count", "1")
    expect(other.find("#theme-dark")).to_be_checked()
    expect(other.find("#max-tokens")).to_have_value("77")


def test_a_file_from_anybody_changes_nothing_that_it_should_not(
    english: Reader, patient_pair: Any, tmp_path: Path
) -> None:
    opened(english, patient_pair)
    settings = {
        "endpoint": "http://127.0.0.1:1/v1",
        "key": "stolen",
        "theme": "url(//a.example)",
        "language": "xx",
        "parameters": {"temperature": 99, "seed": 5, "__proto__": {"topP": 0.5}},
    }
    file = tmp_path / "hostile.json"

    def give(**fields: Any) -> None:
        whole = {"format": "passerelle-everything", "version": 1, "settings": settings, **fields}
        file.write_text(json.dumps(whole), encoding="utf-8")
        english.find("#everything-file").set_input_files(file)

    give(conversations={"format": "passerelle-conversations", "version": 1, "conversations": [{"messages": 1}]})
    english.sees_fault("import_wrong", "#data")
    english.sees_fault("import_foreign", "#data")  # the prompts are missing
    expect(english.find("#seed")).to_have_value("5")
    expect(english.find("#theme-system")).to_be_checked()
    stored = english.measure(KEPT)["local"]
    assert stored == {"passerelle.parameters": '{"seed":5}'}
    give(version=2)
    english.sees_fault("import_newer", "#data")
    give(format="something else")
    english.sees_fault("import_foreign", "#data")


def test_erase_everything_takes_two_steps_and_leaves_a_new_page(english: Reader, patient_pair: Any) -> None:
    opened(english, patient_pair)
    english.measure(SEED)
    english.configure("key", KEY)
    english.configure("seed", "42")
    english.find("#keep-key").check()
    english.find("#theme-dark").check(force=True)
    english.measure("async () => { await caches.open('passerelle-page-x') }")
    count(english, "count", "1")

    english.find("#erase").click()
    expect(english.find("#erase-not")).to_be_focused()
    english.page.keyboard.press("Escape")
    expect(english.find("#erase")).to_be_focused()
    count(english, "count", "1")
    english.find("#erase").click()
    with english.page.expect_event("domcontentloaded"):
        english.find("#erase-really").click()

    expect(english.find("#send")).to_be_visible()
    expect(english.find("html")).to_have_attribute("data-theme", "")
    english.find("nav [data-view=settings]").click()
    count(english, "count", "0")
    expect(english.find("#key")).to_have_value("")
    stored = english.measure(KEPT)
    assert (stored["local"], stored["caches"], stored["conversations"]) == ({}, [], [])
    assert KEY not in json.dumps(stored["session"])


def test_it_fits_every_width_and_axe_finds_nothing_serious(reader: OpenReader, patient_pair: Any) -> None:
    """The policy would stop axe's script, so this context alone goes without it."""
    page = reader(bypass_csp=True, locale="fr-FR", color_scheme="dark", viewport={"width": 390, "height": 800})
    opened(page, patient_pair)
    page.find("#erase").click()
    page.page.add_script_tag(path=AXE)

    found = _axe(page)
    for width in (320, 390, 720, 1119, 1280):
        page.page.set_viewport_size({"width": width, "height": 700})
        assert page.measure("() => document.documentElement.scrollWidth - innerWidth") <= 0, width
    page.page.emulate_media(color_scheme="light")

    assert found + _axe(page) == []


def _axe(page: Reader) -> list[str]:
    result = page.measure("() => axe.run(document)")
    return [
        f"{violation['id']}: {violation['help']} {[node['target'] for node in violation['nodes']]}"
        for violation in result["violations"]
        if violation["impact"] in ("serious", "critical", "moderate")
    ]
