"""What makes long talks bearable: how full the context is, why one waits, where the end is, keys, small screens."""

from __future__ import annotations

import json
import re
import threading
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser import openai_stream as script
from tests.browser.chatting import answer, ask, is_there, messages, open_chat, rows, sees_answer, sees_state
from tests.browser.conftest import ROOT, OpenReader
from tests.browser.reader import Reader
from tests.fake_backend import FakeBackend, WaitFor
from tests.running_gateway import RunningGateway

pytestmark = pytest.mark.browser
Pair = tuple[FakeBackend, RunningGateway]
AXE = ROOT / "tools" / "vendor" / "node_modules" / "axe-core" / "axe.min.js"
WIDE_WORD = "Donaudampfschifffahrtsgesellschaftskapitän" * 4
LEFT = """async (box) => {
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))
  return box.scrollHeight - box.scrollTop - box.clientHeight
}"""
OVERFLOWING = """() => [...document.querySelectorAll("#page *")]
  .filter((one) => one.getBoundingClientRect().right > innerWidth + 1).map((one) => one.outerHTML.slice(0, 80))"""


def with_model(page: Reader, **facts: Any) -> None:
    model = {"id": "llama3.2:latest", **facts}
    page.context.route("**/models", lambda route: route.fulfill(json={"data": [model]}))


def test_the_gauge_fills_and_warns_before_something_is_cut_off(reader: OpenReader, patient_pair: Pair) -> None:
    fake, gateway = patient_pair
    page = reader(locale="fr-FR")
    with_model(page, context_length=1000)
    open_chat(page, gateway)
    gauge = page.find("#gauge")
    warning = page.find("[data-part=warnings] .notice[data-kind=context_full]")
    fake.script(
        script.PATH, script.BEGIN, script.said("Oui."), script.finish("stop"), script.usage(600, 100), script.DONE
    )
    ask(page, "Tiens-tu ?")
    sees_answer(page, "Oui.")
    expect(gauge).to_have_attribute("aria-valuetext", re.compile(r"^Contexte\s: 700 jetons sur 1\s000 \(70\s%\)\.$"))
    expect(gauge).to_have_attribute("data-level", "free")

    page.find("#question").fill("x" * 440)
    expect(gauge).to_have_attribute("data-level", "tight")
    expect(gauge).to_contain_text(re.compile(r"Contexte presque plein ≈ 81\s%"))
    expect(warning).to_have_count(0)
    page.find("#question").fill("x" * 1300)
    expect(gauge).to_have_attribute("data-level", "over")
    expect(gauge).to_have_attribute("aria-valuenow", "1000")
    warning.get_by_role("button", name="Nouvelle conversation").click()
    expect(messages(page)).to_have_count(0)
    expect(warning).to_have_count(0)


def test_whoever_waits_is_told_for_what(english: Reader, patient_pair: Pair) -> None:
    fake, gateway = patient_pair
    with_model(english, is_loaded=False)
    open_chat(english, gateway)
    hold = threading.Event()
    fake.script(script.PATH, WaitFor(hold), script.BEGIN, script.said("Slow."), script.finish("stop"))
    ask(english, "One?")
    expect(answer(english).locator("[data-part=waiting-text]")).to_contain_text("Waiting for the first word…")
    expect(answer(english).locator("[data-part=waiting-why]")).to_have_text(
        "The model was not in memory: it is being loaded."
    )

    english.find("#new-conversation").click()
    expect(messages(english)).to_have_count(0)
    fake.script(script.PATH, WaitFor(hold), script.BEGIN, script.said("Slow."), script.finish("stop"))
    ask(english, "Two?")

    expect(answer(english).locator("[data-part=waiting-why]")).to_have_text("Other answers under way: 1.")
    hold.set()
    sees_state(english, "whole")


def test_the_end_is_followed_only_by_a_reader_who_is_there(english: Reader, patient_pair: Pair) -> None:
    fake, gateway = patient_pair
    more, rest = threading.Event(), threading.Event()
    lines = [script.said(f"Line {number}\n\n") for number in range(40)]
    fake.script(script.PATH, script.BEGIN, *lines, WaitFor(more), *lines, WaitFor(rest), script.finish("stop"))
    open_chat(english, gateway)
    ask(english, "Many lines.")
    scroller = english.find(".scroller")
    expect(answer(english)).to_contain_text("Line 39")
    assert scroller.evaluate(LEFT) < 5
    to_end = english.find("#to-end")
    expect(to_end).to_have_count(0)

    scroller.evaluate("(box) => { box.scrollTop = 100 }")
    expect(to_end).to_have_text("To the end")
    more.set()
    expect(answer(english).locator("p").nth(79)).to_have_text("Line 39")
    expect(to_end).to_have_text("New text, go to the end")
    assert scroller.evaluate("(box) => box.scrollTop") == 100
    to_end.click()
    expect(to_end).to_have_count(0)
    assert scroller.evaluate(LEFT) < 5
    rest.set()
    sees_state(english, "whole")
    assert english.measure("() => document.scrollingElement.scrollTop") == 0


def test_the_keyboard_alone_is_enough_and_the_page_lists_its_keys(english: Reader, patient_pair: Pair) -> None:
    _, gateway = patient_pair
    open_chat(english, gateway)
    question = english.find("#question")
    keyboard = english.page.keyboard
    question.dispatch_event("keydown", {"key": "Enter", "isComposing": True, "bubbles": True})
    question.press("n")
    question.press("Shift+Enter")
    question.press("?")
    expect(question).to_have_value("n\n?")
    expect(messages(english)).to_have_count(0)
    question.press("Enter")
    sees_state(english, "whole")
    expect(question).to_be_focused()

    question.press("ArrowUp")
    expect(english.find(".editor textarea")).to_have_value("n\n?")
    keyboard.press("Escape")
    expect(messages(english).first).to_be_focused()
    keyboard.press("j")
    expect(messages(english).last).to_be_focused()
    keyboard.press("Tab")
    keyboard.press("k")
    expect(messages(english).first).to_be_focused()

    keyboard.press("?")
    keys = english.find("dialog#keys-list")
    expect(keys).to_contain_text("Edit the last question")
    keyboard.press("n")
    expect(messages(english)).to_have_count(2)
    keys.locator("#letter-keys").uncheck()
    keyboard.press("Escape")
    english.find("#send").focus()
    keyboard.press("n")
    keyboard.press("?")
    expect(keys).to_be_hidden()
    expect(messages(english)).to_have_count(2)
    english.find("#show-keys").click()
    keys.locator("#letter-keys").check()
    keyboard.press("Escape")
    expect(english.find("#show-keys")).to_be_focused()
    keyboard.press("n")
    expect(messages(english)).to_have_count(0)
    expect(question).to_be_focused()
    english.find("#send").focus()
    keyboard.press("g")
    keyboard.press("p")
    expect(english.find("#human")).to_be_visible()


def talk(count: int) -> Any:
    """An exported conversation of so many messages."""
    several = [
        {
            "id": f"m{number}",
            "parentId": f"m{number - 1}" if number else None,
            "role": "assistant" if number % 2 else "user",
            "text": f"Message {number}\n\n- **one**\n- two\n\n```py\nprint({number})\n```\n"
            if number % 2
            else f"Question {number}",
            "createdAt": 1_790_000_000_000 + number,
            "state": "whole",
        }
        for number in range(count)
    ]
    conversation = {"title": "Long", "isTitled": True, "createdAt": 1_790_000_000_000, "messages": several}
    return {"format": "passerelle-conversations", "version": 1, "conversations": [conversation]}


def test_five_hundred_messages_show_their_end_at_once_and_do_not_jump(english: Reader, patient_pair: Pair) -> None:
    _, gateway = patient_pair
    open_chat(english, gateway)
    content = json.dumps(talk(500)).encode()
    english.find("#import").set_input_files({"name": "a.json", "mimeType": "application/json", "buffer": content})
    rows(english).locator("a").click()

    messages(english).nth(499).locator("strong").wait_for()  # expect() would read the whole page at each look
    expect(messages(english)).to_have_count(500)
    expect(messages(english).last).to_be_in_viewport()
    assert english.find("article .markdown").count() < 60
    expect(messages(english).nth(1)).to_contain_text("Message 1")  # so that the browser's own search finds it
    scroller = english.find(".scroller")
    for _ in range(3):
        # What the reader looks at stays where it is while messages above it get their final look.
        seen = scroller.evaluate(
            """async (box) => {
              box.scrollTop -= 1500
              const top = box.getBoundingClientRect().top
              const isSeen = (one) => one.getBoundingClientRect().bottom > top + 40
              const first = [...box.querySelectorAll("article")].find(isSeen)
              await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))
              const before = first.getBoundingClientRect().top
              await new Promise((done) => setTimeout(() => requestAnimationFrame(done), 150))
              return [before, first.getBoundingClientRect().top, first.querySelector(".markdown, .text") !== null]
            }"""
        )
        assert abs(seen[0] - seen[1]) < 3


def test_no_width_scrolls_sideways_and_axe_has_no_complaint(reader: OpenReader, patient_pair: Pair) -> None:
    fake, gateway = patient_pair
    page = reader(locale="fr-FR", viewport={"width": 320, "height": 700})
    page.context.add_init_script(path=AXE)
    open_chat(page, gateway)
    fake.script(script.PATH, script.BEGIN, script.said(WIDE_WORD), script.finish("length"))
    ask(page, WIDE_WORD)
    sees_state(page, "length")
    page.find("#question").fill(WIDE_WORD)
    for width in (320, 390, 720, 1119, 1280):
        page.page.set_viewport_size({"width": width, "height": 700})
        assert page.measure(OVERFLOWING) == [], width  # the page clips what is too wide, so that nothing would scroll
    assert serious(page) == []
    page.find("#to-conversation-settings").click()
    expect(page.find("#system")).to_be_visible()
    assert serious(page) == []
    page.page.keyboard.press("Escape")
    page.page.set_viewport_size({"width": 640, "height": 400})  # 1280 by 800 at 200 %
    expect(page.find("#send")).to_be_in_viewport()
    page.find("#open-list").click()
    page.find("dialog#list li").hover()
    page.find("dialog#list [data-do=rename]").click()
    assert serious(page) == []
    page.page.keyboard.press("Escape")
    page.page.keyboard.press("Escape")
    page.page.set_viewport_size({"width": 1280, "height": 800})
    page.find("#show-keys").click()
    assert serious(page) == []


def serious(page: Reader) -> list[str]:
    found = page.measure("async () => (await axe.run()).violations")
    return [f"{one['id']}: {one['nodes'][0]['html']}" for one in found if one["impact"] in ("serious", "critical")]


def test_a_screen_reader_has_headings_and_hears_the_answer_when_it_is_whole(
    english: Reader, patient_pair: Pair
) -> None:
    fake, gateway = patient_pair
    hold = threading.Event()
    fake.script(script.PATH, script.BEGIN, script.said("Half"), WaitFor(hold), script.finish("stop"), script.DONE)
    open_chat(english, gateway)
    ask(english, "Hello?")
    sees_answer(english, "Half")
    text = answer(english).locator("[data-part=text]")
    expect(text).to_have_attribute("aria-busy", "true")
    expect(text).to_have_attribute("aria-live", "polite")
    expect(english.page.get_by_role("log")).to_have_attribute("aria-live", "off")
    hold.set()
    expect(text).to_have_attribute("aria-busy", "false")
    names = [heading.inner_text() for heading in english.page.get_by_role("heading", level=3).all()]
    assert names == ["You", "Answer"]
    english.page.reload()
    is_there(english.page)
    expect(answer(english).locator("[data-part=text]")).to_have_attribute("aria-live", "off")
