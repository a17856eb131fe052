"""What stands in the Prompt view: examples and variables as the backend gets them, and that nothing typed is lost."""

from __future__ import annotations

import re
import threading

import pytest
from playwright.sync_api import expect

from tests.browser import openai_stream as script
from tests.browser.conftest import OpenReader
from tests.browser.reader import Reader
from tests.fake_backend import FakeBackend, WaitFor
from tests.running_gateway import RunningGateway

pytestmark = pytest.mark.browser
Pair = tuple[FakeBackend, RunningGateway]


def add_example(page: Reader, user: str, assistant: str) -> None:
    page.find("[data-do=add-example]").click()
    expect(page.find(".example:last-of-type textarea").first).to_be_focused()
    page.page.keyboard.insert_text(user)
    page.page.keyboard.press("Tab")
    page.page.keyboard.insert_text(assistant)


def test_examples_are_sent_by_turns_in_their_order(english: Reader, patient_pair: Pair) -> None:
    fake, gateway = patient_pair
    english.open(gateway.url)
    english.find("#system").fill("Translate into {{language}}.")
    english.find("#human").fill("Dog, not \\{{cat}}")
    english.find(".examples summary").click()
    for user, assistant in (("one", "un"), ("two", "deux"), ("three", "trois")):
        add_example(english, user, assistant)
    english.find(".example").nth(2).locator("[data-do=up]").click()
    expect(english.find(".example").nth(1).locator("[data-do=up]")).to_be_focused()
    english.page.keyboard.press("Enter")
    expect(english.find(".example").nth(0).locator("[data-do=down]")).to_be_focused()
    english.find(".example").nth(1).locator("[data-do=remove]").click()
    expect(english.find("[data-part=count]")).to_have_text("2")
    english.find("#variable-language").fill("French {{x}}")

    english.find("#send").click()
    english.sees_phase("done")

    assert fake.requests_to(script.PATH)[-1].json["messages"] == [
        {"role": "system", "content": "Translate into French {{x}}."},
        {"role": "user", "content": "three"},
        {"role": "assistant", "content": "trois"},
        {"role": "user", "content": "two"},
        {"role": "assistant", "content": "deux"},
        {"role": "user", "content": "Dog, not {{cat}}"},
    ]


def test_nothing_is_sent_while_something_is_missing(french: Reader, patient_pair: Pair) -> None:
    fake, gateway = patient_pair
    french.open(gateway.url)
    before = len(fake.requests_to(script.PATH))
    french.find("[data-preset=weekly]").click()
    french.find(".examples summary").click()
    french.find("[data-do=add-example]").click()
    french.page.keyboard.insert_text("Comment va {{qui}} ?")
    french.find(".examples summary").click()
    french.find("#send").click()

    expect(french.find(".example textarea").nth(1)).to_be_focused()
    expect(french.find(".example [role=alert]")).to_contain_text("une réponse")
    french.page.keyboard.insert_text("Bien.")
    french.page.keyboard.press("Control+Enter")

    expect(french.find("#variable-qui")).to_be_focused()
    expect(french.find("#variable-qui")).to_have_attribute("aria-invalid", "true")
    expect(french.find(".variables [role=alert]")).to_contain_text("« qui »")
    assert len(fake.requests_to(script.PATH)) == before
    assert french.find("#answer").get_attribute("data-phase") is None

    french.page.keyboard.insert_text("Ana")
    expect(french.find(".variables [role=alert]")).to_have_count(0)
    french.find(".preview summary").click()
    expect(french.find("[data-part=preview]")).to_contain_text("Comment va Ana ?")
    french.page.keyboard.press("Control+Enter")
    french.sees_phase("done")
    sent = [message["content"] for message in fake.requests_to(script.PATH)[-1].json["messages"]]
    assert "Comment va Ana ?" in sent
    assert "l’équipe web" in sent[-1]


def test_a_text_that_typing_into_a_preset_replaces_can_be_had_again(english: Reader, patient_pair: Pair) -> None:
    english.open(patient_pair[1].url).find("#human").fill("My own question")
    english.find("[data-preset=oracle]").click()
    expect(english.find("[data-do=earlier]")).to_have_count(0)

    english.find("#human").fill("Is it so?")
    english.page.reload()
    english.find("[data-do=earlier]").click()
    expect(english.find("#human")).to_have_value("My own question")

    english.find("[data-do=earlier]").click()
    expect(english.find("#human")).to_have_value("Is it so?")


def test_what_is_typed_and_answered_survives_a_reload(english: Reader, patient_pair: Pair) -> None:
    fake, gateway = patient_pair
    hold = threading.Event()
    fake.script(script.PATH, script.BEGIN, script.said("So far"), WaitFor(hold))
    english.open(gateway.url)
    english.find("[data-preset=reviewer]").click()
    english.find("#variable-language").fill("Rust")
    english.find("[data-preset=free]").click()
    english.find("#system").fill("My system")
    english.find("#human").fill("My {{what}}")
    english.find("#variable-what").fill("words")
    english.find("#send").click()
    english.sees_text("So far")

    english.open(gateway.url)

    english.sees_phase("cut")
    english.sees_text("So far")
    expect(english.part("ending")).to_contain_text("cut off")
    assert english.find("#answer .notice").count() == 0  # no connection broke
    expect(english.find("[data-preset=free]")).to_have_attribute("aria-pressed", "true")
    expect(english.find("#human")).to_have_value("My {{what}}")
    expect(english.find("#variable-what")).to_have_value("words")
    english.find("[data-preset=reviewer]").click()
    expect(english.find("#variable-language")).to_have_value("Rust")
    english.open(gateway.url)
    expect(english.find("[data-preset=reviewer]")).to_have_attribute("aria-pressed", "true")
    hold.set()


def test_an_answer_goes_on_while_another_view_is_looked_at(reader: OpenReader, patient_pair: Pair) -> None:
    fake, gateway = patient_pair
    more, rest = threading.Event(), threading.Event()
    steps = (script.said("One"), WaitFor(more), script.said(", two"), WaitFor(rest), script.said(", three."))
    fake.script(script.PATH, script.BEGIN, *steps, script.finish("stop"), script.DONE)
    page = reader().open(gateway.url)
    page.ask("Count.")
    page.sees_text("One")

    page.find(".views [data-view=models]").click()
    expect(page.find("#answer")).to_have_count(0)
    more.set()
    page.find(".views [data-view=prompt]").click()

    page.sees_text("One, two")
    expect(page.find("#human")).to_have_value("Count.")
    rest.set()
    page.sees_phase("done")


def test_question_examples_and_answer_go_on_as_a_conversation(english: Reader, patient_pair: Pair) -> None:
    fake, gateway = patient_pair
    fake.script(script.PATH, script.BEGIN, script.said("**Vegetable**"), script.finish("stop"), script.DONE)
    english.open(gateway.url)
    english.find("[data-preset=oracle]").click()
    english.find("#send").click()
    english.sees_phase("done")

    english.find("#answer [data-do=continue]").click()

    expect(english.find(".chat-view strong")).to_have_text("Vegetable")
    expect(english.find(".chat-view")).to_contain_text("Canberra")
    expect(english.find(".conversations [aria-current]")).to_contain_text("Does a tomato count")
    before = len(fake.requests_to(script.PATH))
    english.find(".chat-view textarea").last.fill("And a cucumber?")
    english.page.keyboard.press("Enter")
    fake.wait_request(before + 1, path=script.PATH)
    messages = fake.requests_to(script.PATH)[-1].json["messages"]
    assert [message["role"] for message in messages] == ["system", *["user", "assistant"] * 4, "user"]
    assert [message["content"] for message in messages[-2:]] == ["**Vegetable**", "And a cucumber?"]


def test_a_model_that_is_missing_offers_its_download(french: Reader, patient_pair: Pair) -> None:
    error = {"error": {"message": "No such model.", "code": "model_not_found"}}
    french.context.route("**/v1/chat/completions", lambda route: route.fulfill(status=404, json=error))
    french.open(patient_pair[1].url).ask("Bonjour ?")

    french.sees_fault("model_missing").get_by_role("button", name="Télécharger ce modèle").click()

    expect(french.page).to_have_url(re.compile(r"#/models/llama3\.2%3Alatest$"))
