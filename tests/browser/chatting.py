"""What a Reader does and sees in the chat."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

from tests.browser.reader import Reader
from tests.running_gateway import RunningGateway


def open_chat(page: Reader, gateway: RunningGateway) -> Reader:
    page.open(f"{gateway.url}/#/chat", model="")
    is_there(page.page)
    return page


def reload(page: Reader) -> None:
    page.page.reload()
    is_there(page.page)


def is_there(page: Page) -> None:
    """Waits for the chat in a page that was just opened: a busy machine takes its time for a hundred modules."""
    expect(page.locator("#question")).to_be_enabled(timeout=20_000)


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
