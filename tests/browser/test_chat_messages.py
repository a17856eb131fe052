"""What can be done with a message: ask anew, in other words, again, on, elsewhere; and take a deletion back."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.browser import openai_stream as script
from tests.browser.chatting import answer, ask, messages, open_chat, reload, rows, sees_answer, sees_state
from tests.browser.reader import Reader
from tests.fake_backend import FakeBackend, Fin, Status, WaitFor
from tests.running_gateway import RunningGateway

pytestmark = pytest.mark.browser
Pair = tuple[FakeBackend, RunningGateway]


def says(fake: FakeBackend, text: str, reason: str = "stop") -> None:
    """The next answer of the backend."""
    fake.script(script.PATH, script.BEGIN, script.said(text), script.finish(reason), script.DONE)


def sent(fake: FakeBackend) -> list[dict[str, Any]]:
    asked: list[dict[str, Any]] = fake.requests_to(script.PATH)[-1].json["messages"]
    return asked


def do(page: Reader, what: str, nth: int = -1) -> None:
    messages(page).nth(nth).locator(f"[data-do={what}]").click()


def texts(page: Reader) -> Locator:
    return messages(page).locator("[data-part=text]")


def test_a_question_is_edited_an_answer_retried_and_all_versions_stay(english: Reader, patient_pair: Pair) -> None:
    fake, gateway = patient_pair
    open_chat(english, gateway)
    says(fake, "Lyon.")
    ask(english, "Capital of France?")
    sees_answer(english, "Lyon.")

    says(fake, "Paris.")
    do(english, "retry")
    sees_answer(english, "Paris.")
    assert sent(fake) == [{"role": "user", "content": "Capital of France?"}]
    expect(answer(english).locator("[data-part=version]")).to_contain_text("2/2")

    says(fake, "Rome.")
    do(english, "edit", 0)
    editor = english.find(".editor textarea")
    expect(editor).to_be_focused()
    editor.fill("Capital of Italy?")
    editor.press("Enter")
    sees_answer(english, "Rome.")
    expect(texts(english)).to_have_text(["Capital of Italy?", "Rome."])
    expect(messages(english).first.locator("[data-part=version]")).to_contain_text("2/2")

    before = messages(english).first.locator("[data-do=before]")
    before.focus()
    english.page.keyboard.press("Enter")
    expect(texts(english)).to_have_text(["Capital of France?", "Paris."])
    expect(messages(english).first).to_contain_text("1/2")
    do(english, "before", 1)
    expect(texts(english)).to_have_text(["Capital of France?", "Lyon."])
    reload(english)
    expect(texts(english)).to_have_text(["Capital of France?", "Lyon."])


def test_an_answer_is_edited_beside_the_first_one_and_the_model_reads_the_edited_one(
    english: Reader, patient_pair: Pair
) -> None:
    fake, gateway = patient_pair
    open_chat(english, gateway)
    says(fake, "Four.")
    ask(english, "Two and two?")
    sees_answer(english, "Four.")

    do(english, "edit")
    editor = english.find(".editor textarea")
    editor.press("Escape")
    expect(editor).to_have_count(0)
    do(english, "edit")
    editor.fill("Five.\n\nTruly **five**.")
    editor.press("Enter")
    expect(editor).to_be_focused()
    editor.press("Control+Enter")
    expect(answer(english).locator("strong")).to_have_text("five")
    expect(answer(english).locator("[data-part=version]")).to_contain_text("2/2")

    says(fake, "I am.")
    ask(english, "Sure?")
    sees_answer(english, "I am.")
    assert [message["content"].split("\n")[0] for message in sent(fake)] == ["Two and two?", "Five.", "Sure?"]


def test_a_branch_is_a_conversation_of_its_own(english: Reader, patient_pair: Pair) -> None:
    fake, gateway = patient_pair
    open_chat(english, gateway)
    for question, said in (("One?", "1"), ("Two?", "2")):
        says(fake, said)
        ask(english, question)
        sees_answer(english, said)
    first = english.page.url

    do(english, "branch", 1)

    expect(rows(english)).to_have_count(2)
    expect(texts(english)).to_have_text(["One?", "1"])
    says(fake, "3")
    ask(english, "Three?")
    expect(texts(english)).to_have_text(["One?", "1", "Three?", "3"])
    english.page.goto(first)
    expect(texts(english)).to_have_text(["One?", "1", "Two?", "2"])


def test_a_deleted_message_goes_with_what_follows_and_comes_back(english: Reader, patient_pair: Pair) -> None:
    fake, gateway = patient_pair
    open_chat(english, gateway)
    for question, said in (("One?", "1"), ("Two?", "2")):
        says(fake, said)
        ask(english, question)
        sees_answer(english, said)

    do(english, "delete", 2)

    expect(texts(english)).to_have_text(["One?", "1"])
    expect(english.find("[data-part=undo]")).to_contain_text("Message deleted")
    english.find("[data-do=undo]").click()
    expect(texts(english)).to_have_text(["One?", "1", "Two?", "2"])
    expect(answer(english).locator("[data-figure=finish] dd")).to_have_text("stop")
    reload(english)
    expect(texts(english)).to_have_text(["One?", "1", "Two?", "2"])


def test_a_stopped_answer_says_how_much_came_and_goes_on_in_the_same_place(english: Reader, patient_pair: Pair) -> None:
    fake, gateway = patient_pair
    hold = threading.Event()
    open_chat(english, gateway)
    fake.script(script.PATH, script.BEGIN, script.said("It begins and "), WaitFor(hold))
    ask(english, "Tell me all.")
    sees_answer(english, "It begins and")

    english.page.keyboard.press("Escape")
    sees_state(english, "stopped")
    expect(answer(english).locator("[data-part=ending]")).to_contain_text("Words received: 3.")
    hold.set()
    more = threading.Event()
    fake.script(
        script.PATH,
        script.BEGIN,
        WaitFor(more),
        script.said("ends."),
        script.finish("stop"),
        script.usage(9, 2),
        script.DONE,
    )
    english.find("[data-do=continue]").click()
    expect(answer(english).locator("[data-part=waiting]")).to_be_visible()
    expect(answer(english)).to_contain_text("It begins and")
    more.set()

    sees_answer(english, "It begins and ends.")
    sees_state(english, "whole")
    assert sent(fake)[-1] == {"role": "assistant", "content": "It begins and "}
    expect(english.find("[data-do=continue]")).to_have_count(0)
    expect(answer(english).locator("[data-part=ending]")).to_have_count(0)
    expect(messages(english)).to_have_count(2)
    reload(english)
    sees_answer(english, "It begins and ends.")


def test_an_answer_at_its_limit_and_a_broken_one_can_go_on_and_break_again(english: Reader, patient_pair: Pair) -> None:
    fake, gateway = patient_pair
    open_chat(english, gateway)
    says(fake, "One, ", "length")
    ask(english, "Count.")
    sees_state(english, "length")

    fake.script(script.PATH, script.BEGIN, script.said("two, "), Fin())
    english.find("[data-do=continue]").click()
    sees_state(english, "cut")
    sees_answer(english, "One, two,")
    expect(answer(english).locator(".notice")).to_be_visible()
    says(fake, "three.")
    english.find("[data-do=continue]").click()

    sees_state(english, "whole")
    sees_answer(english, "One, two, three.")


@pytest.mark.parametrize("repeater", ["backend", "endpoint"])
def test_an_answer_that_is_continued_does_not_begin_twice(english: Reader, patient_pair: Pair, repeater: str) -> None:
    fake, gateway = patient_pair
    open_chat(english, gateway)
    says(fake, "Once upon a time", "length")
    ask(english, "Tell me a story.")
    sees_state(english, "length")

    repeated = (script.said("Once upon"), script.said(" a time"), script.said(" there was a bridge."))
    told = (*repeated, script.finish("stop"), script.usage(9, 9), script.DONE)
    if repeater == "backend":
        fake.script(script.PATH, script.BEGIN, *told)
    else:  # as when the page talks to such a server without the gateway
        body = b"".join(step.data for step in told)
        english.page.route("**" + script.PATH, lambda route: route.fulfill(body=body, content_type="text/event-stream"))
    english.find("[data-do=continue]").click()

    sees_state(english, "whole")
    sees_answer(english, "Once upon a time there was a bridge.")


def test_a_question_without_an_answer_is_asked_again_in_the_same_place(english: Reader, patient_pair: Pair) -> None:
    fake, gateway = patient_pair
    open_chat(english, gateway)
    fake.script(script.PATH, Status(503, body={"error": {"message": "Nobody answers."}}))
    ask(english, "Are you there?")
    sees_state(english, "failed")
    notice = answer(english).locator(".notice")

    says(fake, "Now I am.")
    notice.get_by_role("button", name="Try again").click()

    sees_answer(english, "Now I am.")
    expect(messages(english)).to_have_count(2)
    expect(answer(english).locator("[data-part=version]")).to_have_count(0)


def test_copy_gives_the_markdown_also_without_a_clipboard_of_its_own(english: Reader, patient_pair: Pair) -> None:
    fake, gateway = patient_pair
    english.context.add_init_script("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    open_chat(english, gateway)
    says(fake, "Some **bold** words.")
    ask(english, "Words!")
    sees_answer(english, "Some bold words.")

    do(english, "copy")

    expect(answer(english)).to_contain_text("Copied")
    english.find("#question").press("Control+v")
    expect(english.find("#question")).to_have_value("Some **bold** words.")
