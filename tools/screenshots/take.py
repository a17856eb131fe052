"""Pictures of every view of the page: wide and narrow, light and dark, in both languages, over the real demo model.

    make screenshots                     # all, into .screenshots/
    make screenshots ARGS="--keep"       # and those that the documents show into docs/

A gateway of its own answers, with the embedded engine; nothing is made up but the questions.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import BrowserContext, Page, expect, sync_playwright

from tests.browser.conftest import FLAGS, chromium_path
from tests.running_gateway import RunningGateway

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".screenshots"
SIZES = {"wide": (1280, 800), "narrow": (390, 800)}
LANGUAGES = {"en": "en-US", "fr": "fr-FR"}
QUESTIONS = {
    "en": ["What is a token?", "Show me a Markdown sample."],
    "fr": ["Qu’est-ce qu’un jeton ?", "Montre-moi un exemple de Markdown."],
}
KEPT = {
    "prompt-wide-light-en": "page.png",
    "chat-wide-light-fr": "chat.png",
    "chat-narrow-light-en": "chat-phone.png",
    "compare-wide-light-en": "compare.png",
    "models-wide-dark-en": "models.png",
    "stats-wide-light-fr": "stats.png",
}


def prompt(page: Page, language: str) -> None:
    page.locator("[data-preset=architect]").click()
    page.locator("#send").click()
    expect(page.locator("#answer")).to_have_attribute("data-phase", "done", timeout=60_000)


def chat(page: Page, language: str) -> None:
    for question in QUESTIONS[language]:
        page.locator("#question").fill(question)
        page.locator("#send").click()
        expect(page.locator("#stop")).to_be_visible()
        expect(page.locator("#send")).to_be_visible(timeout=60_000)


def compare(page: Page, language: str) -> None:
    page.locator("#compare-human").fill(QUESTIONS[language][0])
    page.locator("#run").click()
    expect(page.locator("#run")).to_have_class("stop")
    expect(page.locator("#run")).to_have_class("primary", timeout=60_000)


def models(page: Page, language: str) -> None:
    page.get_by_text("passerelle-demo", exact=True).first.click()


def stats(page: Page, language: str) -> None:
    expect(page.locator("#main svg[role=img]").first).to_be_visible()
    page.wait_for_timeout(12_000)  # charts of what the other views have just asked for, a sample every two seconds


def settings(page: Page, language: str) -> None:
    expect(page.locator("#export-everything")).to_be_visible()


VIEWS: dict[str, Callable[[Page, str], None]] = {
    "prompt": prompt,
    "chat": chat,
    "compare": compare,
    "models": models,
    "stats": stats,
    "settings": settings,
}


def take(context: BrowserContext, address: str, view: str, language: str, name: str) -> None:
    page = context.new_page()
    page.set_default_timeout(20_000)
    page.goto(f"{address}/#/{view}")
    expect(page.locator("#status")).to_have_attribute("data-mood", "good")
    VIEWS[view](page, language)
    page.mouse.move(0, 0)
    page.screenshot(path=FOLDER / f"{name}.png")
    page.close()


def main() -> None:
    reader = argparse.ArgumentParser(description="Take pictures of every view of the page.")
    reader.add_argument("--keep", action="store_true", help="copy those that the documents show into docs/")
    reader.add_argument("--view", choices=VIEWS, action="append", help="only this view (may be given more than once)")
    asked = reader.parse_args()
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir()
    with RunningGateway(BACKEND="embedded") as gateway, sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=chromium_path(), args=FLAGS)
        for size, (width, height) in SIZES.items():
            for scheme in ("light", "dark"):
                for language, locale in LANGUAGES.items():
                    context = chromium.new_context(
                        viewport={"width": width, "height": height},
                        color_scheme=scheme,  # type: ignore[arg-type]
                        locale=locale,
                        timezone_id="Europe/Paris",
                        service_workers="block",
                    )
                    for view in asked.view or VIEWS:
                        name = f"{view}-{size}-{scheme}-{language}"
                        take(context, gateway.url, view, language, name)
                        print(f".screenshots/{name}.png", flush=True)
                    context.close()
        chromium.close()
    if asked.keep:
        for name, kept in KEPT.items():
            if (FOLDER / f"{name}.png").exists():
                shutil.copyfile(FOLDER / f"{name}.png", ROOT / "docs" / kept)


if __name__ == "__main__":
    sys.exit(main())
