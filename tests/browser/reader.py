"""Somebody who reads the page: opens it, picks, types, sends, stops, and looks at what it says."""

from __future__ import annotations

import time
from typing import Any, Self

from playwright.sync_api import BrowserContext, ConsoleMessage, Error, Locator, Page, expect

# Runs in every document before its own scripts; the policy allows it, since it comes through the debugger.
WATCH = """
document.addEventListener("securitypolicyviolation", (event) =>
  console.error(`POLICY ${event.effectiveDirective} ${event.blockedURI} ${event.sample}`))
"""


class Reader:
    """One page in one fresh context, with everything that a good page never does on record in `complaints`."""

    def __init__(self, context: BrowserContext) -> None:
        self.context = context
        self.complaints: list[str] = []
        self.asked: list[str] = []
        self.expects_failure = False
        context.add_init_script(WATCH)
        self.page: Page = context.new_page()
        self.page.set_default_timeout(20_000)
        self.page.on("console", self._hear)
        self.page.on("pageerror", self._fail)
        self.page.on("request", lambda request: self.asked.append(request.url))

    def _hear(self, message: ConsoleMessage) -> None:
        if message.text.startswith("POLICY") or "Content Security Policy" in message.text:
            self.complaints.append(message.text)

    def _fail(self, error: Error) -> None:
        if not self.expects_failure:
            self.complaints.append(f"uncaught: {error}")

    # -- doing

    def open(self, address: str, model: str | None = None) -> Self:
        """Open the page, and wait until it shows a model (`model=""`: until it shows itself)."""
        self.page.goto(address)
        expect(self.find("#page")).to_be_visible()
        if model is None:
            expect(self.find("#model")).not_to_have_value("")
        return self

    def stop_the_clock(self) -> None:
        """From now on no timer of the page fires: what it says, it says without waiting."""
        self.page.clock.install(time=0)
        self.page.clock.pause_at(1000)

    def let_the_clock_run(self) -> None:
        self.page.clock.resume()

    def find(self, selector: str) -> Locator:
        return self.page.locator(selector)

    def part(self, name: str) -> Locator:
        return self.find(f"#answer [data-part={name}]")

    def ask(self, question: str | None = None) -> None:
        if question is not None:
            self.find("#human").fill(question)
        self.find("#send").click()

    def configure(self, field: str, value: str) -> None:
        """Fill a field of the configuration panel and leave it, as Tab does."""
        self.find(f"#{field}").fill(value)
        self.find(f"#{field}").blur()

    def click_at(self, selector: str) -> float:
        """Click inside the page, without the driver's own delays. Gives the moment, as time.monotonic()."""
        script = "(e) => { const t = performance.timeOrigin + performance.now(); e.click(); return t }"
        clicked_ms: float = self.find(selector).evaluate(script)
        return clicked_ms / 1000 - (time.time() - time.monotonic())

    # -- looking

    def sees_phase(self, phase: str, timeout: float = 20_000) -> None:
        expect(self.find("#answer")).to_have_attribute("data-phase", phase, timeout=timeout)

    def sees_text(self, text: str) -> None:
        expect(self.part("text")).to_have_text(text, use_inner_text=True)

    def sees_fault(self, kind: str, place: str = "#answer", timeout: float = 20_000) -> Locator:
        notice = self.find(f"{place} .notice[data-kind={kind}]")
        expect(notice).to_be_visible(timeout=timeout)
        return notice

    def figure(self, name: str) -> str:
        return self.find(f"[data-figure={name}] dd").inner_text()

    def measure(self, script: str) -> Any:
        return self.page.evaluate(script)
