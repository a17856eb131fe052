"""What a Reader does and sees in the chat."""

from __future__ import annotations

from playwright.sync_api import Locator, expect

from tests.browser.reader import Reader
from tests.running_gateway import RunningGateway


def open_chat(page: Reader, gateway: RunningGateway, conversation: str = "") -> Reader:
    page.open(f"{gateway.url}/#/chat{conversation and f'/{conversation}'}", model="")
    expect(page.find("#question")).to_be_enabled()
    return page


def ask(page: Reader, text: str) -> None:
    page.find("#question").fill(text)
    page.find("#question").press("Enter")


def messages(page: Reader) -> Locator:
    return page.find("article.message")


def answer(page: Reader, nth: int = -1) -> Locator:
    return page.find("article[data-role=assistant]").nth(nth)


def sees_state(page: Reader, state: str, nth: int = -1) -> None:
    expect(answer(page, nth)).to_have_attribute("data-state", state)


def sees_answer(page: Reader, text: str, nth: int = -1) -> None:
    expect(answer(page, nth).locator("[data-part=text]")).to_have_text(text, use_inner_text=True)


def rows(page: Reader) -> Locator:
    return page.find("[data-part=conversations] li")
