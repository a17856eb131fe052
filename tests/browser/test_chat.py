"""The chat: conversations that are asked, answered, kept and found again."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser import openai_stream as script
from tests.browser.chatting import answer, ask, messages, open_chat, reload, rows, sees_answer, sees_state
from tests.browser.conftest import OpenReader
from tests.browser.reader import Reader
from tests.fake_backend import FakeBackend
from tests.running_gateway import RunningGateway

pytestmark = pytest.mark.browser
Pair = tuple[FakeBackend, RunningGateway]


def test_a_question_is_answered_with_figures_and_both_are_there_after_a_reload(
    reader: OpenReader, embedded: RunningGateway
) -> None:
    page = open_chat(reader(locale="fr-FR"), embedded)
    ask(page, "Qu’est-ce qu’un jeton ?\nEn deux phrases.")

    sees_state(page, "whole")
    expect(answer(page).locator("[data-figure=finish] dd")).to_have_text("stop")
    for figure in ("speed", "ttft", "input", "output"):
        assert any(digit in page.figure(figure) for digit in "123456789"), figure
    expect(page.find("#thread-title")).to_have_text("Qu’est-ce qu’un jeton ?")
    expect(page.page).to_have_title("Qu’est-ce qu’un jeton ? · Passerelle")
    said = answer(page).locator("[data-part=text]").inner_text()
    assert said

    reload(page)

    expect(messages(page)).to_have_count(2)
    expect(messages(page).first.locator("[data-part=text]")).to_have_text("Qu’est-ce qu’un jeton ?\nEn deux phrases.")
    sees_answer(page, said)
    expect(answer(page).locator("[data-figure=finish] dd")).to_have_text("stop")
    expect(rows(page)).to_have_count(1)


def test_the_whole_conversation_is_sent_with_what_was_set_for_it(english: Reader, patient_pair: Pair) -> None:
    fake, gateway = patient_pair
    open_chat(english, gateway)
    english.find("#to-conversation-settings").click()
    english.configure("system", "Be brief.")
    english.configure("chat-temperature", "1.5")
    english.page.keyboard.press("Escape")
    english.find("#in-french").check()
    fake.script(script.PATH, script.BEGIN, script.said("Passerelle."), script.finish("stop"), script.DONE)
    ask(english, "Who are you?")
    sees_state(english, "whole")
    fake.script(script.PATH, script.BEGIN, script.said("Yes."), script.finish("stop"), script.DONE)
    ask(english, "Really?")
    sees_answer(english, "Yes.")

    sent = fake.requests_to(script.PATH)[-1].json
    assert sent["messages"] == [
        {"role": "system", "content": "Be brief.\n\nRépondez toujours en français."},
        {"role": "user", "content": "Who are you?"},
        {"role": "assistant", "content": "Passerelle."},
        {"role": "user", "content": "Really?"},
    ]
    assert sent["temperature"] == 1.5
    assert sent["model"] == "llama3.2:latest"

    english.find("#new-conversation").click()
    expect(messages(english)).to_have_count(0)
    expect(english.find("#in-french")).not_to_be_checked()
    fake.script(script.PATH, script.BEGIN, script.said("New."), script.finish("stop"), script.DONE)
    ask(english, "Anew?")
    sees_answer(english, "New.")
    assert fake.requests_to(script.PATH)[-1].json["messages"] == [{"role": "user", "content": "Anew?"}]
    expect(rows(english)).to_have_text(["Anew?", "Who are you?"])


def test_a_model_that_is_not_there_any_more_is_named_and_its_download_offered(
    english: Reader, patient_pair: Pair
) -> None:
    _, gateway = patient_pair
    english.context.route("**/models", lambda route: route.fulfill(json={"data": [{"id": "gone:7b"}]}))
    open_chat(english, gateway)
    expect(english.find("#to-conversation-settings")).to_contain_text("gone:7b")
    ask(english, "Are you there?")

    notice = answer(english).locator(".notice[data-kind=model_missing]")
    expect(notice).to_contain_text("does not have this model")
    english.context.unroute("**/models")
    english.find("#to-conversation-settings").click()
    english.find("#model-refresh").click()
    chosen = english.find("#model option:checked")
    expect(english.find("#model option")).to_have_text(["gone:7b (not here)", "llama3.2:latest"])
    expect(chosen).to_have_text("gone:7b (not here)")
    english.find("#model").select_option("llama3.2:latest")
    english.page.keyboard.press("Escape")
    expect(english.find("#to-conversation-settings")).to_contain_text("llama3.2:latest")
    notice.get_by_role("button", name="Download this model").click()
    expect(english.page).to_have_url(f"{gateway.url}/#/models/gone%3A7b")
