"""The door from a model's text to nodes of the page: what becomes of Markdown, whole and while it grows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Locator, Route, expect

from tests.browser.reader import Reader
from tests.fake_backend import FakeBackend
from tests.running_gateway import RunningGateway

# The page's own modules in the page itself, with an answer in the place of its body. `md.stream` writes a text into it
# piece by piece, with a frame after each; for that, frames come when they are called.
BEGIN = """async () => {
  const [markdown, stream, { default: Words }] = await Promise.all(
    ["/markdown/markdown.js", "/markdown/stream.js", "/state/page/words.js"].map((path) => import(path)))
  const words = await Words.load()
  const answer = Object.assign(document.createElement("article"), { className: "markdown" })
  document.body.replaceChildren(answer)
  const { default: MarkdownStream, loadPainter } = stream
  globalThis.md = { ...markdown, MarkdownStream, loadPainter, words, answer }
  md.whole = (text, element = answer) => {
    element.replaceChildren(markdown.renderMarkdown(text, words))
    return element.innerHTML
  }
  // What an element says, whether its formulas and colours have come or not.
  md.print = (element) => {
    const copy = element.cloneNode(true)
    for (const code of copy.querySelectorAll("code")) code.replaceChildren(code.textContent)
    for (const formula of copy.querySelectorAll(".formula")) {
      const source = formula.querySelector("annotation") ?? formula
      formula.replaceChildren(source.textContent.replace(/^(\\$+|\\\\[[(])|(\\$+|\\\\[\\])])$/g, "").trim())
    }
    return copy.innerHTML
  }
  md.begin = () => {
    answer.replaceChildren()
    return md.writing = new MarkdownStream(answer, { words })
  }
  md.write = (text) => {
    let frame
    const real = { requestAnimationFrame, setTimeout, now: performance.now }
    globalThis.requestAnimationFrame = (paint) => { frame = paint; return 1 }
    globalThis.setTimeout = () => 1
    performance.now = () => 0
    md.writing.update(text)
    frame?.()
    performance.now = real.now
    globalThis.setTimeout = real.setTimeout
    globalThis.requestAnimationFrame = real.requestAnimationFrame
    return answer.innerHTML
  }
}"""


class Writer:
    """A reader whose page holds one answer, and who can have it written. The page's own program does not run."""

    def __init__(self, reader: Reader, url: str) -> None:
        self.reader = reader
        self.page = reader.page
        reader.context.route("**/app.js", lambda route: route.fulfill(content_type="text/javascript", body=""))
        self.page.goto(url + "/")
        self.page.evaluate(BEGIN)

    def load(self) -> Writer:
        self.page.evaluate("() => md.loadPainter()")
        return self

    def run(self, script: str, *values: Any) -> Any:
        return self.page.evaluate(f"async ([{', '.join('abcd'[: len(values)])}]) => {{ {script} }}", list(values))

    def find(self, selector: str) -> Locator:
        return self.page.locator(f"article {selector}")

    def asked(self, name: str) -> int:
        return sum(url.endswith(f"/vendor/{name}.js") for url in self.reader.asked)


@pytest.fixture(scope="module")
def _writer(browser: Browser, _patient: tuple[FakeBackend, RunningGateway]) -> Iterator[Writer]:
    context = browser.new_context(locale="en-US", viewport={"width": 1280, "height": 800}, service_workers="block")
    yield Writer(Reader(context), _patient[1].url).load()
    context.close()


@pytest.fixture
def writer(_writer: Writer) -> Iterator[Writer]:
    """One page for all tests that leave it as they found it."""
    yield _writer
    assert _writer.reader.complaints == []


@pytest.fixture
def new_writer(english: Reader, patient_pair: tuple[FakeBackend, RunningGateway]) -> Writer:
    return Writer(english, patient_pair[1].url).load()


BECOMES = {
    "# One\n\n###### Six": "<h3>One</h3> <h6>Six</h6>",
    "a **b** *c* ~~d~~ `<e>`": "<p>a <strong>b</strong> <em>c</em> <del>d</del> <code>&lt;e&gt;</code></p>",
    "one\ntwo": "<p>one<br>two</p>",
    "- a\n- b\n\n3. c": '<ul> <li>a</li> <li>b</li> </ul> <ol start="3"> <li>c</li> </ol>',
    "> a\n\n---": "<blockquote> <p>a</p> </blockquote> <hr>",
    "H<sub>2</sub>O<br>x<SUP>2</sup> <kbd>Esc</kbd>": "<p>H<sub>2</sub>O<br>x<sup>2</sup> <kbd>Esc</kbd></p>",
    "&eacute; &lt;b&gt; &amp;copy; AT&T": "<p>é &lt;b&gt; &amp;copy; AT&amp;T</p>",
    "<div onclick=x>**a**</div>\n\n<!-- b -->": (
        "<p>&lt;div onclick=x&gt;<strong>a</strong>&lt;/div&gt;</p> <p>&lt;!-- b --&gt;</p>"
    ),
    "<sub id=x>a</sub> <u>b</u> <br id=c>": "<p>&lt;sub id=x&gt;a&lt;/sub&gt; &lt;u&gt;b&lt;/u&gt; &lt;br id=c&gt;</p>",
    "$5 to $10, US$5, $HOME:$PATH, `$x$`, \\$x$": "<p>$5 to $10, US$5, $HOME:$PATH, <code>$x$</code>, $x$</p>",
    "| a | b |\n|:-:|--:|\n| 1<br>2 | `x` |": (
        '<div class="table-box" tabindex="0" role="group" aria-label="Table"><table> <thead> <tr> '
        '<th align="center">a</th> <th align="right">b</th> </tr> </thead> <tbody><tr> '
        '<td align="center">1<br>2</td> <td align="right"><code>x</code></td> </tr> </tbody></table></div>'
    ),
    "- [ ] a\n- [x] b": (
        '<ul> <li class="task-item"><span class="task" role="img" aria-label="To do"></span> a</li> '
        '<li class="task-item"><span class="task done" role="img" aria-label="Done"></span> b</li> </ul>'
    ),
    "```c++ title=x\na < b\n```": (
        '<div class="code-block"><div class="code-head"><span class="code-language">c++</span>'
        '<button type="button" class="copy">Copy</button></div>'
        '<pre tabindex="0" role="group" aria-label="Code, c++"><code class="language-c++">a &lt; b</code></pre></div>'
    ),
    "    indented": (
        '<div class="code-block"><div class="code-head"><span class="code-language"></span>'
        '<button type="button" class="copy">Copy</button></div>'
        '<pre tabindex="0" role="group" aria-label="Code"><code>indented</code></pre></div>'
    ),
}


def test_markdown_becomes_harmless_nodes(writer: Writer) -> None:
    written = writer.run('return a.map((text) => md.whole(text).replace(/\\s+/g, " ").trim())', list(BECOMES))

    assert dict(zip(BECOMES, written, strict=True)) == BECOMES


# What a link shows, and where it leads; None: it stays text.
LINKS = {
    "[docs](https://example.org/a?b=1&c=2)": ("docs (example.org)", "https://example.org/a?b=1&c=2"),
    "[https://good.example](https://evil.example/x)": ("https://good.example (evil.example)", "https://evil.example/x"),
    "[evil.example](https://evil.example/)": ("evil.example", "https://evil.example/"),
    "https://example.org/a": ("https://example.org/a", "https://example.org/a"),
    "www.example.org": ("www.example.org", "http://www.example.org"),
    "<mailto:a@example.org>": ("mailto:a@example.org", "mailto:a@example.org"),
    "[write](mailto:a@example.org)": ("write (a@example.org)", "mailto:a@example.org"),
    "[x][1]\n\n[1]: http://example.org:81/": ("x (example.org:81)", "http://example.org:81/"),
    "[](https://example.org/a)": ("https://example.org/a", "https://example.org/a"),
    "![a cat](https://example.org/cat.png)": ("a cat (example.org)", "https://example.org/cat.png"),
    "[![a cat](https://a.example/cat.png)](https://b.example/)": ("a cat (b.example)", "https://b.example/"),
    "[x](https://exаmple.org/)": ("x (xn--exmple-4nf.org)", "https://exаmple.org/"),  # a Cyrillic a
    "[x](https://example.org@evil.example/)": ("x", None),
    "[x](javascript:alert)": ("x (javascript:alert)", None),
    "[x](JAVA&#115;CRIPT:alert)": ("x (JAVA&#115;CRIPT:alert)", None),
    "<data:text/html,x>": ("data:text/html,x", None),
    "![x](data:image/png;base64,AAAA)": ("x (data:image/png;base64,AAAA)", None),
    "[x](../README.md)": ("x (../README.md)", None),
    "[x](//example.org/)": ("x (//example.org/)", None),
    "[x](#settings)": ("x (#settings)", None),
}


def test_a_link_shows_where_it_leads_and_opens_elsewhere(writer: Writer) -> None:
    seen = writer.run(
        """return a.map((text) => {
          md.whole(text)
          const link = md.answer.querySelector("a")
          const { target, rel } = link ?? {}
          return [md.answer.innerText.trim(), link?.getAttribute("href") ?? null, target, rel]
        })""",
        list(LINKS),
    )

    assert {text: (shown, href) for text, (shown, href, *_) in zip(LINKS, seen, strict=True)} == LINKS
    assert {(target, rel) for _, href, target, rel in seen if href} == {("_blank", "noreferrer noopener")}


GROWING = [
    "# A heading\n\nA paragraph with **bold** and `code`,\ntwo lines.\n\n## Another\nA line right below.\n",
    "- one\n- two **bold**\n  - nested\n  - more\n\n    its paragraph\n- three\n\nAfter the list.\n",
    "1. one\n2. two\n\n   ```js\n   const x = 1\n   ```\n\n3. three\n\n10. ten",
    "Code:\n\n```python\ndef f():\n    return '`'\n\n\n# not a heading\n```\n\nText.\n\n```\nno language\n",
    "~~~~\n```\ninner\n```\n~~~\n~~~~\nend",
    "| a | b |\n|---|:-:|\n| 1 | 2 |\n| `x|y` | **z** |\n\nafter\n\n| c |\n|---|\n| d |",
    "Setext\n===\n\nTwo\nlines\n---\n\n***\n\ntext\n***\n",
    "> quote\n> - list\n>\n> more\nlazy\n\n> > nested\n\nout",
    "- [ ] open\n- [x] done\n* other\n+ another\n\n    code after a list\n",
    "[a] and [b][c] and ![d]\n\n[a]: https://example.org/a\n[c]: https://example.org/c 'title'\n[d]: https://example.org/d\n",
    "[a]: https://example.org/first\n\nText with [a].\n\n- [a]\n",
    "<div>\n\n**bold** in HTML\n\n</div>\ntext\n\n<br>\n<!-- a\n\ncomment -->\n",
    "Formula $a*b$ and $c*d$, **bold $x^*$**:\n\n$$\n\\begin{cases}\n- a &= b \\\\\n+ c\n\\end{cases}\n$$\n\nDone $5.",
    "Text:\n\\[\nx = 1\n\\]\nand \\(y\\), then\n\n$$\nnever closed\n\nend",
    "Para\n#hashtag\n-not a list\n1.no\n+1\n",
    "A\r\n\r\n- b\r\n- c\r\n\r\n```\r\nd\r\n```\r\n",
    "    indented\n\n    code\n\ntext\n\tno code\n",
    "Émile 😀 a\u0301 \ud83d\ude00\u200d\ud83d\udcbb `é`\n\n**gras** : « mot »\n",
    "***\n* * *\n- - -\n_ _\n\n__b__ _i_ snake_case_word\n",
    "a  \nb\\\nc\n\n\n\n\nd &amp; &lt; &notanentity; \\* \\_\n",
    "1. a\n\n\n2. b\n\n\n\ntext\n\n- x\n\n\n- y\n",
    "Term\n: no definition list\n\n[^1] no footnote\n\n[^1]: text\n",
]


def test_a_growing_text_ends_as_the_same_text_read_at_once(writer: Writer) -> None:
    script = """
      const whole = document.createElement("div")
      return a.map((text) => {
        const ends = {}
        for (const [name, step] of [["whole", 1e9], ["by one", 1], ["by seven", 7]]) {
          md.begin()
          for (let at = step; at < text.length; at += step) md.write(text.slice(0, at))
          md.write(text)
          md.writing.end()
          ends[name] = md.print(md.answer)
        }
        md.whole(text.replaceAll("\\r\\n", "\\n"), whole)
        return [ends, md.print(whole)]
      })"""
    texts = [*GROWING, *(f"{text}\n\nAnd more.\n" for text in GROWING), "\n\n".join(GROWING)]

    for text, (ends, whole) in zip(texts, writer.run(script, texts), strict=True):
        assert ends == dict.fromkeys(ends, whole), text


def test_a_growing_text_shows_blocks_as_the_whole_one_does_long_before_its_end(writer: Writer) -> None:
    """Cut short anywhere, all blocks but the last one are as they would be if the text ended there."""
    script = """
      const whole = document.createElement("div")
      const lines = (element) => [...element.children].slice(0, -1).map(md.print).join()
      const different = []
      for (const text of a) {
        md.begin()
        for (let at = 1; at <= text.length; at += 1) {
          md.write(text.slice(0, at))
          md.whole(text.slice(0, at), whole)
          if (lines(md.answer) !== lines(whole)) different.push([text.slice(0, at), lines(md.answer), lines(whole)])
        }
      }
      return different"""

    assert writer.run(script, [GROWING[index] for index in (0, 1, 3, 5, 7)]) == []


def test_a_formula_that_is_being_written_is_no_list_yet(writer: Writer) -> None:
    shown = writer.run('md.begin(); return md.write("So:\\n\\n$$\\n\\\\begin{cases}\\n- a &= b\\n+ c")')

    assert "<li>" not in shown
    assert "- a &amp;= b\n+ c" in shown


def test_finished_blocks_keep_selection_and_focus_while_more_comes(writer: Writer) -> None:
    kept = writer.run(
        """
        const text = "First paragraph.\\n\\n```js\\nlet a\\n```\\n\\nSecond one.\\n\\n- a\\n- b"
        md.begin()
        md.write(text)
        const [paragraph, block] = md.answer.children
        getSelection().selectAllChildren(paragraph)
        block.querySelector("button").focus()
        const item = md.answer.querySelector("li")
        md.write(text + "\\n- c\\n\\nMore text [x].\\n\\n")
        const isSame = () => [
          md.answer.children[0] === paragraph, md.answer.children[1] === block, md.answer.querySelector("li") === item,
          String(getSelection()), document.activeElement === block.querySelector("button"),
        ]
        const written = isSame()
        md.writing.end(text + "\\n- c\\n\\nMore text [x].\\n\\n[x]: https://example.org\\n")
        return [written, isSame(), md.answer.querySelectorAll("a").length]"""
    )

    same = [True, True, True, "First paragraph.", True]
    assert kept == [same, same, 1]


def test_an_open_code_block_grows_by_its_new_text_alone(writer: Writer) -> None:
    changes = writer.run(
        """
        md.begin()
        md.write("Text.\\n\\n```js\\nlet a = 1\\n")
        const seen = []
        const observer = new MutationObserver((records) => seen.push(...records.map(({ type }) => type)))
        observer.observe(md.answer, { subtree: true, childList: true, attributes: true, characterData: true })
        const { parseFromString } = DOMParser.prototype
        DOMParser.prototype.parseFromString = function (...values) {
          seen.push("parsed")
          return parseFromString.apply(this, values)
        }
        let text = "Text.\\n\\n```js\\nlet a = 1\\n"
        for (const piece of ["let", " b\\n", "\\n", "``", " no end\\n", "  x", "\\n"]) md.write(text += piece)
        seen.push(...observer.takeRecords().map(({ type }) => type))
        DOMParser.prototype.parseFromString = parseFromString
        const grown = md.answer.querySelector("code").textContent
        md.write(text += "```\\nAfter.\\n")
        const { lastElementChild } = md.answer
        return [[...new Set(seen)], grown, md.answer.querySelector("code").textContent, lastElementChild.outerHTML]"""
    )

    assert changes == [
        ["characterData"],
        "let a = 1\nlet b\n\n`` no end\n  x",
        "let a = 1\nlet b\n\n`` no end\n  x",
        "<p>After.</p>",
    ]


def test_another_text_replaces_the_one_before(writer: Writer) -> None:
    writer.run('md.begin(); md.write("# One\\n\\ntwo\\n\\n```\\nthree"); md.write("Other *text*\\n")')
    shown = writer.run("return md.answer.innerHTML.trim()")

    assert shown == "<p>Other <em>text</em></p>"


def test_code_is_coloured_when_it_is_finished_and_only_then(new_writer: Writer) -> None:
    writer = new_writer
    assert writer.asked("highlight") == 0
    writer.run('md.begin(); md.write("```js\\nconst a = 1\\n```\\n\\n```js\\nconst b = 2\\n")')

    expect(writer.find(".hljs-keyword")).to_have_text(["const"])
    assert writer.run('return [...md.answer.querySelectorAll("code")].map((code) => code.childElementCount)') == [2, 0]

    writer.run(
        'md.writing.end("```js\\nconst a = 1\\n```\\n\\n```js\\nconst b = 2\\n```\\n\\n```nosuch\\nconst c\\n```")'
    )
    expect(writer.find(".hljs-keyword")).to_have_text(["const", "const"])
    assert writer.asked("highlight") == 1


def test_a_very_long_listing_and_a_selected_one_stay_uncoloured(writer: Writer) -> None:
    writer.run(
        """
        const long = "const a = 1\\n".repeat(2000)
        md.whole("```js\\nselected\\n```\\n\\n```js\\n" + long + "```\\n\\n```js\\nconst last = 1\\n```")
        getSelection().selectAllChildren(md.answer.querySelector("code"))"""
    )

    expect(writer.find(".hljs-keyword")).to_have_count(1)
    assert writer.find("code").nth(2).locator(".hljs-keyword").count() == 1
    assert writer.run("return String(getSelection())") == "selected"


CONTRASTS = """
  md.whole(a)
  const rules = [...document.styleSheets].flatMap((sheet) => [...sheet.cssRules])
  const names = new Set(rules.map((rule) => rule.selectorText).join().match(/hljs-[\\w-]+/g))
  const span = (className) => Object.assign(document.createElement("span"), { className })
  md.answer.querySelector("code").replaceChildren(...[...names].map(span))

  const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number)
  const linear = (part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
  const luminance = (colour) => {
    const [red, green, blue] = numbers(colour).map((part) => linear(part / 255))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
  }
  const ground = (node) => {
    const colour = getComputedStyle(node).backgroundColor
    return numbers(colour)[3] === 0 ? ground(node.parentElement) : colour
  }
  const contrast = (node) => {
    const [low, high] = [getComputedStyle(node).color, ground(node)].map(luminance).sort((x, y) => x - y)
    return (high + 0.05) / (low + 0.05)
  }
  const elements = md.answer.querySelectorAll("code span, .copy, .code-language, p, h6, a, .host, kbd, code, th, td")
  return [...elements].map((node) => [node.className || node.localName, contrast(node)])"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_colour_of_an_answer_can_be_read(writer: Writer, scheme: Literal["light", "dark"]) -> None:
    writer.page.emulate_media(color_scheme=scheme)
    text = "```js\nx\n```\n> quote\n###### h6\n[a](https://example.org) `code` <kbd>k</kbd>\n\n| a |\n|---|\n| b |"

    contrasts = writer.run(CONTRASTS, text)

    assert len(contrasts) > 30
    assert [pair for pair in contrasts if pair[1] < 4.5] == []


def test_a_code_block_can_be_copied(english: Reader, patient_pair: tuple[FakeBackend, RunningGateway]) -> None:
    english.context.grant_permissions(["clipboard-read", "clipboard-write"])
    writer = Writer(english, patient_pair[1].url).load()
    writer.run('md.whole("```js\\nlet a = \\"<b>\\"\\n\\tb\\n```")')
    button = writer.find(".copy")

    button.click()
    expect(button).to_have_text("Copied")
    assert writer.run("return navigator.clipboard.readText()") == 'let a = "<b>"\n\tb'

    # Over plain http, on another machine's address, the browser offers no clipboard object.
    writer.run('Object.defineProperty(Navigator.prototype, "clipboard", { value: undefined })')
    writer.run('md.whole("> ```\\n> other\\n> ```"); md.answer.append(document.createElement("textarea"))')
    button.click()
    expect(button).to_have_text("Copied")
    expect(button).to_be_focused()
    writer.find("textarea").focus()
    writer.page.keyboard.press("Control+v")
    expect(writer.find("textarea")).to_have_value("other")


def test_formulas_are_typeset_when_the_first_one_comes(new_writer: Writer) -> None:
    writer = new_writer
    writer.run('md.begin(); md.write("no `$formula$` for $5 and $10\\n\\n```\\n$a$\\n```\\n")')
    assert writer.asked("math") == 0

    text = (
        "$x^2$ \\(y\\) and\n\n$$\n\\begin{aligned} a &= b \\\\ c &= \\mathbb{R} \\end{aligned}\n$$\n\n\\[z\\]\n\n"
        "$\\undefined_command$ $\\href{https://example.org}{h}$ $\\frac{1$ " + f"$ {'a' * 9} $ ${'b' * 2001}$"
    )
    writer.run("md.begin(); for (let at = 1; at < a.length; at += 7) md.write(a.slice(0, at)); md.writing.end(a)", text)

    expect(writer.find("math")).to_have_count(6)
    shown = writer.find(".formula").all_inner_texts()
    assert [writer.find("math[display=block]").count(), writer.find(".display").count()] == [2, 2]
    assert writer.find("mtd").evaluate_all("(cells) => cells.map((cell) => cell.className)") == ["right", "left"] * 2
    assert "ℝ" in shown[2]
    assert shown[-2] == "$\\frac{1$"  # what KaTeX cannot read stays
    assert shown[-1] == f"${'b' * 2001}$"  # and what would take it too long
    assert "$ aaaaaaaaa $" in writer.find("p").last.inner_text()
    assert writer.find("[style], a, img").count() == 0
    assert writer.asked("math") == 1


def test_a_typeset_formula_stays_while_its_paragraph_grows(writer: Writer) -> None:
    writer.run('md.begin(); md.write("Let $x^2$ be")')
    expect(writer.find("math")).to_have_count(1)

    assert writer.run(
        """const math = md.answer.querySelector("math")
        md.write("Let $x^2$ be given. Then $y$ is")
        const isSame = math === md.answer.querySelector("math")
        md.writing.end()
        return [isSame, math === md.answer.querySelector("math")]"""
    ) == [True, True]


def test_the_source_stays_where_a_library_cannot_be_loaded(
    english: Reader, patient_pair: tuple[FakeBackend, RunningGateway]
) -> None:
    english.context.route("**/vendor/ma*.js", lambda route: route.fulfill(status=404, body=""))
    english.context.route("https://esm.sh/**", lambda route: route.abort())
    writer = Writer(english, patient_pair[1].url)
    text = "# Title\n\n- **a** $x$\n- <b>b</b>\n\n```js\nlet a\n```\n"

    shown = writer.run(
        "md.begin(); md.write(a.slice(0, 9)); md.write(a); md.writing.end(); return md.answer.textContent", text
    )
    refused = writer.run("return md.loadMarkdown().then(() => null, (fault) => fault.kind)")

    assert (shown, refused) == (text, "libraries")
    expect(writer.page.locator("article")).to_have_class("markdown plain")


def test_text_that_came_before_the_libraries_is_rendered_when_they_have_come(
    english: Reader, patient_pair: tuple[FakeBackend, RunningGateway]
) -> None:
    held: list[Route] = []
    english.context.route("**/vendor/markdown.js", lambda route: held.append(route))
    writer = Writer(english, patient_pair[1].url)
    with writer.page.expect_request("**/vendor/markdown.js"):
        writer.run('md.begin(); md.write("# Title\\n\\n**bo"); md.write("# Title\\n\\n**bold** text\\n\\nmore")')
    assert writer.run("return md.answer.innerHTML") == "# Title\n\n**bold** text\n\nmore"

    held[0].continue_()
    expect(writer.find("strong")).to_have_text("bold")
    assert (
        writer.run("return md.answer.innerHTML.trim()")
        == "<h3>Title</h3>\n<p><strong>bold</strong> text</p>\n<p>more</p>"
    )


def test_wide_code_and_tables_scroll_in_a_box_of_their_own(writer: Writer) -> None:
    writer.page.set_viewport_size({"width": 320, "height": 640})
    writer.run(
        """md.whole("```\\n" + "wide ".repeat(99) + "\\n```\\n\\n|" + " word |".repeat(30) + "\\n|" + "---|".repeat(30)
          + "\\n\\n$$" + "x+".repeat(200) + "x$$\\n\\n" + "long".repeat(99) + " `" + "code".repeat(99) + "`")"""
    )
    expect(writer.find("math")).to_have_count(1)

    for box in (writer.find("pre"), writer.find(".table-box")):
        box.focus()
        writer.page.keyboard.press("ArrowRight")
        expect(box).not_to_have_js_property("scrollLeft", 0)
    assert writer.run("return document.documentElement.scrollWidth") == 320
    writer.page.set_viewport_size({"width": 1280, "height": 800})


def test_painting_that_takes_long_is_followed_by_a_rest(writer: Writer) -> None:
    """However slow the machine or long the list: painting takes a fifth of the time at most."""
    asked = writer.run(
        """
        const { paced } = await import("/markdown/pace.js")
        const real = { requestAnimationFrame, setTimeout, now: performance.now }
        const frames = [], timers = []
        let now = 1000
        performance.now = () => now
        globalThis.requestAnimationFrame = (paint) => frames.push(paint)
        globalThis.setTimeout = (_, delay) => timers.push(delay)
        const ask = paced(() => { now += 30 })
        ask()
        ask()
        frames[0]()
        ask()
        const soon = [frames.length, timers.at(-1)]
        now += 200
        paced(() => {})()
        performance.now = real.now
        globalThis.setTimeout = real.setTimeout
        globalThis.requestAnimationFrame = real.requestAnimationFrame
        return [...soon, frames.length]"""
    )

    assert asked == [1, 120, 2]


def test_nesting_without_end_is_shown_as_it_is(writer: Writer) -> None:
    texts = [">" * 4000, "> - " * 1000, "[" * 4000, "*a " * 3000, "$a " * 3000, "${" * 900 + "}$" * 900, "\\[ " * 2000]

    lengths = writer.run(
        """return a.map((text) => {
          md.begin()
          md.write(text.slice(0, 999))
          md.write(text)
          md.writing.end()
          return md.answer.textContent.replace(/\\W/g, "").length
        })""",
        texts,
    )

    assert lengths[3:5] == [3000, 3000]
    assert "uncaught" not in str(writer.reader.complaints)
    assert (
        writer.run('md.begin(); md.write(a); return md.answer.querySelector("pre").textContent', ">" * 5000)
        == ">" * 5000
    )
