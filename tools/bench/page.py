"""`make bench-page`: how the page keeps up with a fast model, in a real Chromium, behind the real gateway.

Measures 10,000 tokens at 500 a second, with and without code to colour; how soon the page is ready, and what it
transfers; how soon a conversation of 500 messages is open. Prints Markdown tables; ends with 1 when a limit is missed,
with 2 when it could not measure.
"""

from __future__ import annotations

import argparse
import gzip
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import long_answer
import report
import servers
from bare_chromium import BareChromium, bare_chromium
from playwright.sync_api import Browser, BrowserContext, CDPSession, Error, Page, Response, sync_playwright
from run import warn_of_noise

from tests.browser.conftest import FLAGS, chromium_path  # found because `servers` adds the project's folder

TOKENS_PER_SECOND = 500
IDEAL_S = (long_answer.TOKENS - 1) / TOKENS_PER_SECOND
MESSAGES = 500
READY_WITHIN_S = 4
READY = "[watch.readyAt, performance.getEntriesByName('first-contentful-paint')[0]?.startTime]"
WATCH = servers.HERE / "page_watch.js"
KINDS = {"with code": "Write, please.", "without code": "Write without code, please."}

# Written through the page's own modules, as the chat would have left it.
FILL = """async ([count, texts]) => {
  const { default: Conversations } = await import("/state/conversations/conversations.js")
  const conversations = await Conversations.open()
  const { id } = await conversations.create({ model: "paced" })
  let parentId = null
  for (let index = 0; index < count; index += 1) {
    const isUser = index % 2 === 0
    const text = isUser ? `Question ${index}: what about it?` : texts[index % texts.length]
    const answer = isUser ? undefined : { phase: "done", text, thought: "", model: "paced" }
    const role = isUser ? "user" : "assistant"
    const message = { id: `message-${index}`, conversationId: id, parentId, role, text, answer, createdAt: index + 1 }
    await conversations.put({ ...message, state: "whole" })
    parentId = message.id
  }
  await conversations.change(id, { head: parentId })
  return id
}"""

# From the change of address to the frame after the one in which all messages are there, the last drawn in full.
OPEN = """([id, count]) => new Promise((done) => {
  const begun = performance.now()
  const look = () => {
    const messages = document.querySelectorAll(".message")
    const isDrawn = messages.length === count && messages[messages.length - 1].querySelector(".markdown > *")
    if (isDrawn) requestAnimationFrame(() => done(performance.now() - begun))
    else requestAnimationFrame(look)
  }
  location.hash = `#/chat/${id}`
  look()
})"""


@dataclass(frozen=True, slots=True)
class Limit:
    """What a figure may be at most (or at least)."""

    figure: str
    bound: float
    is_least: bool = False

    def is_missed(self, value: float) -> bool:
        return value < self.bound if self.is_least else value > self.bound

    def __str__(self) -> str:
        return f"{'≥' if self.is_least else '≤'} {self.bound:g}"


LIMITS = {
    "with code": (
        Limit("duration, s", round(IDEAL_S * 1.01, 2)),
        Limit("frames a second", 50, is_least=True),
        Limit("long tasks, ms in all", 400),
    ),
    "without code": (
        Limit("duration, s", round(IDEAL_S * 1.01, 2)),
        Limit("frames a second", 55, is_least=True),
        Limit("long tasks, ms in all", 400),
    ),
    "page": (
        Limit("ready, ms", 1000),
        Limit("transferred before the first answer, kB gzip", 450),
        Limit(f"conversation of {MESSAGES} messages opens, ms", 1000),
    ),
}
Figures = dict[str, float]


class PageBench:
    def __init__(self, browser: Browser, bare: BareChromium, url: str) -> None:
        self._browser = browser
        self._bare = bare
        self._url = url

    @contextmanager
    def _page(self, heard: Callable[[Response], None] | None = None) -> Iterator[Page]:
        """A fresh profile each time: nothing cached, nothing stored."""
        context: BrowserContext = self._browser.new_context(viewport={"width": 1280, "height": 800})
        context.add_init_script(path=WATCH)
        page = context.new_page()
        page.set_default_timeout(60_000)
        if heard:
            page.on("response", heard)
        page.goto(self._url)
        page.locator("#send:enabled").wait_for()
        yield page
        context.close()

    def stream(self, kind: str) -> Figures:
        with self._page() as page:
            page.wait_for_timeout(1000)  # what the page does when it is opened is another figure
            page.locator("#human").fill(KINDS[kind])
            page.locator("#send").click()
            page.locator("#answer[data-phase=writing]").wait_for()
            cdp = page.context.new_cdp_session(page)
            cdp.send("Performance.enable", {"timeDomain": "threadTicks"})
            frames, cpu_s = page.evaluate("watch.frames"), _cpu_s(cdp)
            at = page.evaluate("performance.now()")
            page.locator("#answer[data-phase=done]").wait_for()
            frames = (page.evaluate("watch.frames") - frames) * 1000 / (page.evaluate("performance.now()") - at)
            page.wait_for_timeout(1000)  # colours of the last block
            cpu_s = _cpu_s(cdp) - cpu_s
            watch = page.evaluate("watch")
        first, last = watch["shownAt"]
        long_ms = [duration for start, duration in watch["longTasks"] if start >= first - 100]
        return {
            "duration, s": (last - first) / 1000,
            "frames a second": frames,
            "long tasks": len(long_ms),
            "long tasks, ms in all": sum(long_ms),
            "longest task, ms": max(long_ms, default=0),
            "main thread, µs of CPU a token": cpu_s * 1e6 / long_answer.TOKENS,
        }

    def opening(self) -> Figures:
        sizes: dict[str, int] = {}
        with self._page(lambda response: sizes.update({response.url: _gzipped(response)})) as page:
            page.locator("#human").fill(KINDS["without code"])
            page.locator("#send").click()
            page.locator("#answer [data-part=text] p").first.wait_for()
            before = sum(size for url, size in sizes.items() if not url.endswith("/completions"))
        return {**self._ready(), "transferred before the first answer, kB gzip": before / 1000}

    def _ready(self) -> Figures:
        """In a fresh profile, with nobody listening to the browser: see bare_chromium."""
        with self._bare.page(WATCH.read_text("utf-8")) as page:
            page.goto(self._url)
            time.sleep(READY_WITHIN_S)  # asking would cost what is measured
            at, painted = page.evaluate(READY)
        if at is None:
            raise servers.BenchError(f"The page was not ready within {READY_WITHIN_S} s.")
        return {"first contentful paint, ms": painted, "ready, ms": at}

    def conversation(self) -> Figures:
        whole = "".join(long_answer.pieces())
        texts = [f"## {part}"[:2000] for part in whole.split("## ")[1:]]
        with self._page() as page:
            identity = page.evaluate(FILL, [MESSAGES, texts])
            page.reload()
            page.locator("#send:enabled").wait_for()
            page.wait_for_timeout(1000)
            return {f"conversation of {MESSAGES} messages opens, ms": page.evaluate(OPEN, [identity, MESSAGES])}


def _cpu_s(cdp: CDPSession) -> float:
    """CPU time of the page's main thread so far: scripts, style, layout, painting."""
    metrics = {metric["name"]: metric["value"] for metric in cdp.send("Performance.getMetrics")["metrics"]}
    return float(metrics["TaskDuration"])


def _gzipped(response: Response) -> int:
    """What a file weighs on the wire: as it was sent, or gzipped where it was not."""
    if response.status != 200 or response.url.endswith("/completions"):
        return 0
    if response.header_value("content-encoding"):
        return int(response.request.sizes()["responseBodySize"])
    return len(gzip.compress(response.body(), 6))


def measure(rounds: int, only: list[str]) -> dict[str, list[Figures]]:
    port = servers.free_port()
    command = [sys.executable, str(servers.HERE / "paced.py"), str(port), str(TOKENS_PER_SECOND)]
    samples: dict[str, list[Figures]] = {name: [] for name in only}
    servers.WORK.mkdir(exist_ok=True)
    with (
        servers.running("paced", command, port),
        servers.gateway(port, "openai") as gateway,
        bare_chromium(chromium_path(), FLAGS) as bare,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=FLAGS)
        bench = PageBench(browser, bare, f"http://127.0.0.1:{gateway.port}/")
        for number in range(rounds):
            for name in only:
                print(f"round {number + 1} of {rounds}: {name}", file=sys.stderr, flush=True)
                if name == "page":
                    samples[name].append({**bench.opening(), **bench.conversation()})
                else:
                    samples[name].append(bench.stream(name))
        browser.close()
    return samples


def table(samples: dict[str, list[Figures]]) -> tuple[str, list[str]]:
    """The medians as a Markdown table, and a sentence for each limit that was missed."""
    lines, missed = ["| | | median | worst | limit |", "| --- | --- | ---: | ---: | ---: |"], []
    for name, rounds in samples.items():
        limits = {limit.figure: limit for limit in LIMITS[name]}
        for figure in rounds[0]:
            values = [sample[figure] for sample in rounds]
            limit = limits.get(figure)
            median = statistics.median(values)
            worst = min(values) if limit and limit.is_least else max(values)
            lines.append(f"| {name} | {figure} | {median:,.4g} | {worst:,.4g} | {limit or ''} |")
            if limit and limit.is_missed(median):
                missed.append(f"{name}: {figure} is {median:,.4g}, the limit is {limit}")
    return "\n".join(lines), missed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="how often everything is measured (default 3)")
    parser.add_argument("--only", default=",".join(LIMITS), help="some of " + ", ".join(LIMITS))
    chosen = parser.parse_args()
    only = chosen.only.split(",")
    if not set(only) <= set(LIMITS):
        parser.error("--only wants some of " + ", ".join(LIMITS))
    load = warn_of_noise()
    try:
        samples = measure(chosen.rounds, only)
    except (servers.BenchError, Error, subprocess.SubprocessError) as error:
        print(error, file=sys.stderr)
        return 2
    about = {**report.machine(), "load_before": round(load, 2), "rounds": chosen.rounds}
    print(", ".join(f"{name.replace('_', ' ')} {value}" for name, value in about.items()) + "\n")
    text, missed = table(samples)
    print(text)
    for sentence in missed:
        print(f"Limit missed: {sentence}", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
