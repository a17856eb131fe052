"""Nothing is lost: not by a reload in mid-answer, not between two tabs, not without storage, and it is said."""

from __future__ import annotations

import threading

import pytest
from playwright.sync_api import expect

from tests.browser import openai_stream as script
from tests.browser.chatting import answer, ask, is_there, messages, open_chat, reload, rows, sees_answer, sees_state
from tests.browser.reader import Reader
from tests.fake_backend import FakeBackend, WaitFor
from tests.running_gateway import RunningGateway

pytestmark = pytest.mark.browser
Pair = tuple[FakeBackend, RunningGateway]


def test_a_reload_in_mid_answer_keeps_what_came_and_what_was_typed(english: Reader, patient_pair: Pair) -> None:
    fake, gateway = patient_pair
    hold = threading.Event()
    open_chat(english, gateway)
    fake.script(script.PATH, script.BEGIN, script.said("It begins and "), WaitFor(hold))
    ask(english, "Tell me all.")
    sees_answer(english, "It begins and")
    english.find("#question").fill("And then?")

    reload(english)

    sees_state(english, "cut")
    sees_answer(english, "It begins and")
    expect(answer(english).locator("[data-part=ending]")).to_contain_text("cut off")
    expect(english.find("#question")).to_have_value("And then?")
    hold.set()
    fake.script(script.PATH, script.BEGIN, script.said("ends."), script.finish("stop"), script.DONE)
    english.find("[data-do=continue]").click()
    sees_answer(english, "It begins and ends.")
    sees_state(english, "whole")


def test_an_answer_goes_on_while_something_else_is_looked_at_and_other_tabs_see_it(
    english: Reader, patient_pair: Pair
) -> None:
    fake, gateway = patient_pair
    hold = threading.Event()
    open_chat(english, gateway)
    fake.script(
        script.PATH,
        script.BEGIN,
        script.said("It begins "),
        WaitFor(hold),
        script.said("and ends."),
        script.finish("stop"),
    )
    ask(english, "First?")
    sees_answer(english, "It begins")
    first = english.page.url
    other = english.context.new_page()
    other.goto(first)
    is_there(other)
    expect(other.locator("article [data-part=elsewhere]")).to_be_visible()
    expect(other.locator("article[data-role=assistant] [data-part=text]")).to_have_text("It begins")

    english.find("#new-conversation").click()
    expect(messages(english)).to_have_count(0)
    expect(rows(english).locator(".running")).to_have_count(1)
    fake.script(script.PATH, script.BEGIN, script.said("Second."), script.finish("stop"), script.DONE)
    ask(english, "Another?")
    sees_answer(english, "Second.")
    english.find(".views a[data-view=prompt]").click()
    expect(english.find("#human")).to_be_visible()
    hold.set()
    english.find(".views a[data-view=chat]").click()
    sees_answer(english, "Second.")
    english.page.goto(first)

    sees_answer(english, "It begins and ends.")
    sees_state(english, "whole")
    expect(rows(english).locator(".running")).to_have_count(0)
    expect(other.locator("article[data-role=assistant]")).to_have_attribute("data-state", "whole")
    expect(other.locator("article[data-role=assistant] [data-part=text]")).to_have_text("It begins and ends.")
    fake.script(script.PATH, script.BEGIN, script.said("Seen."), script.finish("stop"), script.DONE)
    other.locator("#question").fill("Do you see me?")
    other.locator("#question").press("Enter")
    expect(messages(english)).to_have_count(4)
    sees_answer(english, "Seen.")


def test_without_storage_the_chat_works_says_so_and_offers_an_export(english: Reader, patient_pair: Pair) -> None:
    fake, gateway = patient_pair
    english.context.add_init_script(
        "IDBFactory.prototype.open = () => { throw new DOMException('no', 'SecurityError') }"
    )
    open_chat(english, gateway)

    notice = english.find("#storage-notice .notice")
    expect(notice).to_contain_text("lets nothing be stored")
    fake.script(script.PATH, script.BEGIN, script.said("Still here."), script.finish("stop"), script.DONE)
    ask(english, "Hello?")
    sees_answer(english, "Still here.")
    with english.page.expect_download() as downloading:
        notice.get_by_role("button", name="Export all").click()
    assert downloading.value.suggested_filename == "passerelle.json"


def test_a_conversation_that_is_gone_says_so_and_keeps_what_was_typed(english: Reader, patient_pair: Pair) -> None:
    _, gateway = patient_pair
    open_chat(english, gateway)
    ask(english, "First?")
    sees_state(english, "whole")
    english.find("#question").fill("Half a question")
    other = english.context.new_page()
    other.goto(english.page.url)
    is_there(other)
    other.locator("[data-part=conversations] li").hover()
    other.locator("[data-do=delete]").first.click()

    expect(english.find("#thread .notice")).to_contain_text("does not exist any more")
    expect(english.find("#question")).to_have_value("Half a question")
    other.locator("[data-do=undo]").click()
    expect(messages(english)).to_have_count(2)


def test_a_gateway_that_ends_loses_no_question(french: Reader, patient_pair: Pair) -> None:
    fake, _ = patient_pair
    settings = {"BACKEND": "openai", "OPENAI_URL": fake.url + "/v1"}
    with RunningGateway(**settings) as gateway:
        open_chat(french, gateway)
        expect(french.find("#to-conversation-settings")).to_contain_text("llama3.2")
        port = gateway.port

    ask(french, "Es-tu là ?")

    notice = answer(french).locator(".notice[data-kind=gateway_down]")
    expect(notice).to_contain_text("make run")
    expect(french.find("#status")).to_contain_text("ne répond pas")
    expect(french.find("#catalog-notice .notice")).to_have_count(0)  # once is enough
    with RunningGateway(PORT=port, **settings):
        expect(french.find("#status")).to_contain_text("est prêt", timeout=15_000)
        notice.get_by_role("button", name="Réessayer").click()
        sees_state(french, "whole")
    expect(messages(french)).to_have_count(2)
