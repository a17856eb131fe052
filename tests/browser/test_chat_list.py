"""The list of conversations: found, named, deleted, brought in and out, and on a phone behind a button."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser import openai_stream as script
from tests.browser.chatting import ask, messages, open_chat, rows, sees_state
from tests.browser.conftest import OpenReader
from tests.browser.reader import Reader
from tests.fake_backend import FakeBackend
from tests.running_gateway import RunningGateway

pytestmark = pytest.mark.browser
Pair = tuple[FakeBackend, RunningGateway]
HOSTILE = "<img src=x onerror=alert(1)> <b>bold</b>"


def asked(page: Reader, fake: FakeBackend, question: str, said: str) -> None:
    """A new conversation of one question and its answer."""
    fake.script(script.PATH, script.BEGIN, script.said(said), script.finish("stop"), script.DONE)
    page.find("#new-conversation").click()
    expect(messages(page)).to_have_count(0)
    ask(page, question)
    sees_state(page, "whole")


def test_conversations_are_found_named_deleted_and_brought_back(english: Reader, patient_pair: Pair) -> None:
    fake, gateway = patient_pair
    open_chat(english, gateway)
    asked(english, fake, "Où est la crème ?", "Dans la cuisine, près du four.")
    asked(english, fake, HOSTILE, "Nothing to see.")
    expect(rows(english)).to_contain_text([HOSTILE, "Où est la crème ?"])
    assert english.find(".chat-view img, .chat-view b").count() == 0

    english.page.keyboard.press("Tab")  # out of the field
    english.find("#send").focus()
    english.page.keyboard.press("/")
    expect(english.find("#search")).to_be_focused()
    english.page.keyboard.type("PRES du")
    expect(rows(english)).to_have_count(1)
    expect(rows(english).locator(".excerpt")).to_have_text("Dans la cuisine, près du four.")
    expect(rows(english).locator("mark")).to_have_text("près")
    english.find("#search").fill("creme")
    expect(rows(english)).to_have_count(1)
    english.find("#search").fill("nowhere")
    expect(english.find("[data-part=list-empty]")).to_contain_text("Nothing found")
    english.find("#search").fill("")

    row = rows(english).filter(has_text="crème")
    row.hover()
    row.locator("[data-do=rename]").click()
    field = english.find(".title-field")
    field.press("Escape")
    expect(rows(english)).to_contain_text([HOSTILE, "Où est la crème ?"])
    row.hover()
    row.locator("[data-do=rename]").click()
    field.fill("Kitchen <i>")
    field.press("Enter")
    expect(rows(english)).to_contain_text([HOSTILE, "Kitchen <i>"])

    row = rows(english).filter(has_text="Kitchen")
    row.locator("a").click()
    expect(english.find("#thread-title")).to_have_text("Kitchen <i>")
    row.hover()
    row.locator("[data-do=delete]").click()
    expect(rows(english)).to_have_count(1)
    expect(messages(english)).to_have_count(0)
    english.find("[data-do=undo]").click()
    row.locator("a").click()
    expect(messages(english)).to_have_count(2)
    expect(english.find("#thread-title")).to_have_text("Kitchen <i>")


def test_conversations_go_out_and_come_in_as_json_and_as_markdown(
    reader: OpenReader, patient_pair: Pair, tmp_path: Path
) -> None:
    fake, gateway = patient_pair
    page = open_chat(reader(locale="fr-FR"), gateway)
    asked(page, fake, "Un ?", "*1*")
    asked(page, fake, "Deux ?", "2")

    files = {}
    with page.page.expect_download() as downloading:
        page.find("[data-do=export-all]").click()
    files["all"] = downloading.value
    page.find("#to-conversation-settings").click()
    for kind in ("json", "markdown"):
        with page.page.expect_download() as downloading:
            page.find(f"[data-do=export-{kind}]").click()
        files[kind] = downloading.value
    assert {name: file.suggested_filename for name, file in files.items()} == {
        "all": "passerelle.json",
        "json": "Deux.json",
        "markdown": "Deux.md",
    }
    paths = {name: tmp_path / file.suggested_filename for name, file in files.items()}
    for name, file in files.items():
        file.save_as(paths[name])
    assert [one["title"] for one in json.loads(paths["all"].read_text("utf-8"))["conversations"]] == ["Un ?", "Deux ?"]
    assert "## Vous <!--" in paths["markdown"].read_text("utf-8")

    other = open_chat(reader(locale="fr-FR"), gateway)
    outcome = other.find("[data-part=import-outcome]")
    other.find("#import").set_input_files(paths["all"])
    expect(rows(other)).to_contain_text(["Deux ?", "Un ?"])
    expect(outcome).to_contain_text("ajoutées : 2")
    other.find("#import").set_input_files(paths["json"])
    expect(outcome).to_contain_text("présentes : 1")
    other.find("#import").set_input_files(paths["markdown"])
    expect(rows(other)).to_have_count(3)
    other.find("#import").set_input_files({"name": "a.json", "mimeType": "application/json", "buffer": b'{"a": 1}'})
    expect(outcome.locator(".notice")).to_contain_text("ne vient pas de Passerelle")
    rows(other).last.locator("a").click()
    expect(messages(other).last.locator("em")).to_have_text("1")


def test_on_a_phone_the_list_is_behind_a_button_and_the_focus_comes_back(reader: OpenReader, patient_pair: Any) -> None:
    _, gateway = patient_pair
    page = open_chat(reader(viewport={"width": 390, "height": 800}, has_touch=True), gateway)
    ask(page, "Hello?")
    sees_state(page, "whole")
    button = page.find("#open-list")

    button.click()
    expect(page.find("dialog#list")).to_be_visible()
    page.page.keyboard.press("Escape")
    expect(page.find("dialog#list")).to_be_hidden()
    expect(button).to_be_focused()

    button.click()
    page.find("#new-conversation").click()
    expect(page.find("dialog#list")).to_be_hidden()
    expect(messages(page)).to_have_count(0)
    button.click()
    rows(page).locator("a").click()
    expect(page.find("dialog#list")).to_be_hidden()
    expect(messages(page)).to_have_count(2)
    button.click()
    rows(page).locator("a").click()  # the one that is open already
    expect(page.find("dialog#list")).to_be_hidden()
