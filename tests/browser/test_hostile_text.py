"""S25: whatever a model writes, no code of its runs, nothing is asked of anybody, and only harmless nodes appear."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.browser.hostile_text import BREAKOUTS, ELEMENTS, TRAP, hostile_texts
from tests.browser.reader import Reader
from tests.browser.test_markdown import Writer
from tests.fake_backend import FakeBackend
from tests.running_gateway import RunningGateway

HTML = """
    a bdi blockquote br button code del div em h3 h4 h5 h6 hr kbd li ol p pre span strong sub sup
    table tbody td th thead tr ul
"""
MATHML = """
    annotation math menclose mfrac mi mmultiscripts mn mo mover mpadded mphantom mprescripts mroot mrow ms mspace
    msqrt mstyle msub msubsup msup mtable mtd mtext mtr munder munderover none semantics
"""
ATTRIBUTES = {
    "align": r"left|center|right",
    "aria-label": r"Code(?:, [\w+#.-]{1,30})?|Table|To do|Done",
    "class": r"task|task done|task-item|formula|formula display|host|copy|code-block|code-head|code-language|table-box"
    r"|left|right|language-[\w+#.-]+|hljs-[\w-]+(?: \w+_)*",
    "dir": r"ltr",
    "href": r"(?:https?://|mailto:)[\s\S]*",
    "rel": r"noreferrer noopener",
    "role": r"group|img",
    "start": r"\d+",
    "tabindex": r"0",
    "target": r"_blank",
    "type": r"button",
}
MATHML_ATTRIBUTE = r"[\w#%.+ -]*|http://www\.w3\.org/1998/Math/MathML|application/x-tex"

# What is not on the lists above, and what was caught by events that a reader's mouse and keyboard might cause.
INSPECT = """([tags, attributes, mathml]) => {
  const whole = (pattern) => new RegExp(`^(?:${pattern})$`)
  const allowed = Object.fromEntries(Object.entries(attributes).map(([name, pattern]) => [name, whole(pattern)]))
  const inMath = whole(mathml)
  globalThis.inspect = (root) => {
    const wrong = []
    for (const node of root.querySelectorAll("*")) {
      if (!tags.includes(node.localName)) wrong.push(node.localName)
      if (node.shadowRoot) wrong.push("shadow root")
      for (const { name, value } of node.attributes) {
        const isMath = node.namespaceURI.endsWith("MathML") && !["href", "style", "id"].includes(name)
        const pattern = allowed[name] ?? (isMath && !name.startsWith("on") ? inMath : null)
        if (!pattern?.test(value)) wrong.push(`${node.localName} ${name}=${value}`)
      }
    }
    return wrong
  }
  globalThis.poke = (root) => {
    const names = ["mouseover", "mouseenter", "pointerdown", "focus", "focusin", "load", "error", "toggle"]
    for (const node of root.querySelectorAll("*")) for (const name of names) node.dispatchEvent(new Event(name))
  }
}"""


@pytest.fixture(scope="module")
def _attacked(browser: Browser, _patient: tuple[FakeBackend, RunningGateway]) -> Iterator[Writer]:
    context = browser.new_context(locale="en-US", viewport={"width": 1280, "height": 800}, service_workers="block")
    context.add_init_script(TRAP)
    writer = Writer(Reader(context), _patient[1].url).load()
    writer.page.evaluate(INSPECT, [(HTML + MATHML).split(), ATTRIBUTES, MATHML_ATTRIBUTE])
    # Both libraries are here before the attack, so that every text meets them.
    writer.run("md.whole('$x$\\n\\n```js\\nlet x\\n```')")
    writer.find("math").wait_for()
    writer.find(".hljs-keyword").wait_for()
    yield writer
    context.close()


@pytest.fixture
def attacked(_attacked: Writer) -> Iterator[Writer]:
    """A page that is attacked: nothing is trapped or asked for, and no policy complains, during the test."""
    reader, asked = _attacked.reader, len(_attacked.reader.asked)
    yield _attacked
    _attacked.page.wait_for_timeout(200)  # for what comes a moment later: images, frames, animations
    assert _attacked.run("return trapped") == []
    assert reader.asked[asked:] == []
    assert reader.complaints == []
    assert _attacked.page.url.endswith("/")
    assert len(reader.context.pages) == 1


def test_the_corpus_is_large_and_says_what_it_would_do() -> None:
    texts = hostile_texts()

    assert len(texts) >= 600
    assert sum("trap" in text or "evil.example" in text or "alert" in text for text in texts) > 500
    assert all(len(text) < 10_000 for text in texts)


def test_hostile_texts_that_stream_in_run_nothing(attacked: Writer) -> None:
    """One character at a time, drawn after every sign: letters are nothing that a parser could stumble over."""
    wrong: list[Any] = attacked.run(
        """
        const wrong = []
        for (const text of a) {
          const stream = md.begin()
          for (let at = 1; at <= text.length; at += 1) {
            if (/[\\w ]/.test(text[at - 1])) stream.update(text.slice(0, at))
            else md.write(text.slice(0, at))
            const found = inspect(md.answer)
            if (found.length) wrong.push([text.slice(0, at), found])
          }
          stream.end(text)
          const found = inspect(md.answer)
          if (found.length) wrong.push([text, found])
          poke(md.answer)
        }
        return wrong""",
        list(hostile_texts()),
    )

    assert wrong == []


def test_hostile_texts_that_come_whole_run_nothing(attacked: Writer) -> None:
    attacked.run(
        """
        md.answer.replaceChildren()
        for (const text of [...a, a.join("\\n\\n"), a.join(" "), a.join("\\n"), "```js\\nlet last\\n```"]) {
          md.whole(text, md.answer.appendChild(document.createElement("section")))
        }""",
        list(hostile_texts()),
    )
    # What takes its time, colours and formulas, comes in order: the last has come, so all have.
    attacked.find("section:last-child .hljs-keyword").wait_for(timeout=60_000)

    assert attacked.find("section").count() == len(hostile_texts()) + 4
    assert attacked.find("math").count() > 30
    attacked.run("poke(md.answer)")
    assert attacked.run("return [...md.answer.children].flatMap(inspect)") == []


def test_html_that_got_past_the_first_gate_is_stopped_at_the_second(attacked: Writer) -> None:
    """The purifier alone, given what marked would never let through."""
    wrong: list[Any] = attacked.run(
        """
        const { purify } = await import("/markdown/purifier.js")
        const wrong = []
        for (const html of a) {
          md.answer.replaceChildren(purify(html))
          const found = inspect(md.answer)
          if (found.length) wrong.push([html, found])
          poke(md.answer)
        }
        return wrong""",
        [*ELEMENTS, *BREAKOUTS],
    )

    assert wrong == []
    # Chromium reports handlers and styles that are only read, in a document without a window: that is no harm here.
    attacked.page.wait_for_timeout(500)
    attacked.reader.complaints.clear()
