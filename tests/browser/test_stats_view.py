"""The Stats view: the gateway's own counters, as they are and as they move."""

from __future__ import annotations

import json
import re
from time import monotonic
from typing import Any

import pytest
from playwright.sync_api import Route, expect

from tests.browser.conftest import OpenReader
from tests.browser.reader import Reader
from tests.browser.test_comfort import AXE, OVERFLOW, _axe
from tests.fake_backend import FakeBackend
from tests.running_gateway import DEADLINE_S, RunningGateway

pytestmark = pytest.mark.browser
Pair = tuple[FakeBackend, RunningGateway]
HOSTILE = ["<img src=x onerror=alert(1)>", "n" * 300, "\u202egnol yrev\u202d evil", "constructor"]


def told(uptime_s: float = 100, output_tokens: int = 1000, requests: int = 10, **more: Any) -> dict[str, Any]:
    """What /stats says; `since` changes when a gateway starts anew."""
    tally = {
        "requests": requests,
        "in_flight": 2,
        "aborted": 1,
        "errors": {"backend_timeout": 3, "some_new_code": 1},
        "input_tokens": 4000,
        "output_tokens": output_tokens,
        "ttft_ms": {"p50": 120.0, "p95": 480.5, "p99": 1500.0},
        "tokens_per_second": {"p50": 31.5, "p95": 44.0, "p99": 45.0},
    }
    memory = {"gateway_bytes": 52_000_000, "models": [{"id": "llama3.2:latest", "bytes": 3_000_000_000}]}
    known = {"since": "2026-11-21T10:00:00+00:00", "uptime_s": uptime_s, "totals": tally, "memory": memory}
    return {**known, "models": {"llama3.2:latest": tally}, **more}


class Told:
    """Answers the page's /stats with what the test says."""

    def __init__(self, page: Reader) -> None:
        self.answer = told()
        page.context.route("**/stats", self._answer)

    def _answer(self, route: Route) -> None:
        route.fulfill(content_type="application/json", body=json.dumps(self.answer))


class ToldInTurn:
    """Lets the page's requests for /stats wait until the test answers them, and time pass only for them to come."""

    def __init__(self, page: Reader) -> None:
        self._page = page
        self._held: list[Route] = []
        page.page.clock.install()
        page.context.route("**/stats", lambda route: self._held.append(route))

    def next(self, answer: dict[str, Any] | None) -> None:
        """Answer the next request; None: as if nobody were there."""
        deadline = monotonic() + DEADLINE_S
        while not self._held:
            assert monotonic() < deadline, "The page does not ask for /stats."
            self._page.page.clock.fast_forward(100)  # in small steps: a slow page must not lose its ten minutes
        route = self._held.pop(0)
        if answer is None:
            route.abort()
        else:
            route.fulfill(content_type="application/json", body=json.dumps(answer))

    def asks_no_more(self) -> bool:
        while self._held:  # what was under way already
            self.next(told())
        self._page.page.clock.fast_forward(10_000)
        self._page.measure("async () => { await fetch('/favicon.svg') }")  # a request before it would be here by then
        return not self._held


def asked(page: Reader) -> int:
    return sum(url.endswith("/stats") for url in page.asked)


def rows(page: Reader, chart: str) -> list[list[str]]:
    """The table under a chart, without its first column."""
    lines = page.find(f"[data-chart={chart}] tbody tr").all()
    return [line.locator("td").all_inner_texts() for line in lines]


def open_tables(page: Reader) -> None:
    for summary in page.find(".chart-table summary").all():
        summary.click()


def test_what_the_gateway_counts_is_shown_in_figures_bars_and_tables(french: Reader, ollama_pair: Pair) -> None:
    _, gateway = ollama_pair
    question = {"messages": [{"role": "user", "content": "Hello?"}]}
    for model in ("llama3.2:latest", "llama3.2:latest", "nobody-has-this"):
        gateway.post("/v1/chat/completions", {"model": model, **question})
    known = gateway.get("/stats").json()
    tally = known["models"]["llama3.2:latest"]

    french.open(gateway.url + "/#/stats", model="")

    totals = french.find("[data-part=totals]")
    written = totals.locator("[data-total=output] dd").inner_text()
    assert int("".join(filter(str.isdigit, written))) == known["totals"]["output_tokens"] >= 12
    expect(totals.locator("[data-total=memory] dd")).to_contain_text("Mo")
    errors = french.find('[data-bar="model_not_found"] .bar-value')
    assert int(errors.inner_text()) == known["totals"]["errors"]["model_not_found"] >= 1
    expect(french.find("[data-chart=errors] [role=img]")).to_have_attribute(
        "aria-label", _containing("model_not_found")
    )
    french.find("[data-chart=errors] summary").click()
    expect(french.find("[data-chart=errors] tbody")).to_contain_text("Le serveur n’a pas ce modèle.")
    french.find("[data-chart=models] summary").click()
    line = french.find("[data-chart=models] tbody tr").filter(has_text="llama3.2:latest")
    assert line.locator("td").first.inner_text() == str(tally["requests"])
    drawing = french.find("[data-chart=ttft] svg[role=img]")
    expect(drawing).to_have_attribute("aria-label", _containing("Attente du premier jeton, de "))


def _containing(text: str) -> re.Pattern[str]:
    return re.compile(re.escape(text))


def test_rates_come_from_differences_and_a_restart_or_a_silence_leaves_a_gap(
    english: Reader, patient_pair: Pair
) -> None:
    gateway = ToldInTurn(english)
    english.open(patient_pair[1].url + "/#/stats", model="")
    english.find("[data-chart=speed] summary").click()
    english.find("[data-chart=requests] summary").click()
    speed = english.find("[data-chart=speed] tbody tr")

    gateway.next(told(100, 1000, 10))
    expect(speed).to_have_count(1)
    gateway.next(told(102, 1060, 12))
    expect(speed).to_have_count(2)
    gateway.next(None)
    expect(english.find("[data-part=state]")).to_contain_text("The gateway does not answer")
    gateway.next(told(106, 1120, 12))
    expect(speed).to_have_count(3)
    expect(english.find("[data-part=state]")).to_have_text("")
    gateway.next(told(1, 5, 1, since="2026-11-21T10:05:00+00:00"))
    expect(speed).to_have_count(4)
    gateway.next(told(3, 25, 1, since="2026-11-21T10:05:00+00:00"))
    expect(speed).to_have_count(5)

    assert [cells[0] for cells in rows(english, "speed")] == ["10", "–", "20", "30", "–"]
    assert [cells[0] for cells in rows(english, "requests")] == ["0", "–", "20", "60", "–"]
    assert rows(english, "speed")[0][1:] == ["31.5", "44"]
    line = english.find("[data-chart=in-flight] .chart-plot .chart-line").get_attribute("d") or ""
    assert line.count("M") == 3  # before the silence, after it, after the restart
    english.find("nav [data-view=prompt]").click()
    expect(english.find("#human")).to_be_visible()
    assert gateway.asks_no_more()  # nobody looks


def test_a_chart_reads_a_point_out_and_pause_stops_the_reading(english: Reader, patient_pair: Pair) -> None:
    gateway = ToldInTurn(english)
    english.open(patient_pair[1].url + "/#/stats", model="")
    chart = english.find("[data-chart=in-flight]")
    value = chart.locator(".chart-legend b")
    gateway.next(told())
    expect(value).to_have_text("2")
    busier = told(102)
    busier["totals"]["in_flight"] = 7
    gateway.next(busier)
    expect(value).to_have_text("7")
    expect(chart.locator("svg[role=img]")).to_have_attribute("aria-label", _containing("Last: in flight 7."))

    chart.locator(".chart-plot").hover(position={"x": 70, "y": 60})
    expect(value).to_have_text("2")
    expect(chart.locator(".chart-cursor")).to_have_count(1)
    english.page.mouse.move(5, 5)
    expect(value).to_have_text("7")
    chart.locator("summary").focus()
    english.page.keyboard.press("Shift+Tab")
    reader = chart.get_by_role("slider", name="Requests in flight: read a point")
    expect(reader).to_be_focused()
    english.page.keyboard.press("ArrowLeft")
    expect(reader).to_have_attribute("aria-valuetext", _containing(": in flight 2"))
    expect(value).to_have_text("2")

    english.find("#pause").click()
    expect(english.find("[data-part=state]")).to_contain_text("Paused")
    assert gateway.asks_no_more()
    english.find("#pause").click()
    expect(english.find("[data-part=state]")).to_have_text("")
    gateway.next(told(120))
    expect(value).to_have_text("2")


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_hostile_names_stay_text_and_break_no_layout(reader: OpenReader, patient_pair: Pair, width: int) -> None:
    page = reader(locale="fr-FR", viewport={"width": width, "height": 800})
    gateway = Told(page)
    known = told()
    tally = known["models"]["llama3.2:latest"]
    tally["errors"] = dict.fromkeys(HOSTILE, 1)
    memory = {"gateway_bytes": "many", "models": [{"id": name, "bytes": 5e9} for name in HOSTILE]}
    gateway.answer = {**known, "totals": tally, "models": dict.fromkeys(HOSTILE, tally), "memory": memory}
    page.open(patient_pair[1].url + "/#/stats", model="")
    expect(page.find("[data-chart=models] .bar-row")).to_have_count(len(HOSTILE))

    open_tables(page)

    expect(page.find("[data-chart=models] tbody th")).to_have_text(HOSTILE)
    assert page.find("[data-chart=errors] .bar-label").all_inner_texts() == HOSTILE
    assert page.measure(OVERFLOW) <= 0
    assert page.find("#main img").count() == 0


def test_a_wrong_key_and_a_foreign_endpoint_are_explained(english: Reader, patient_pair: Pair) -> None:
    home = patient_pair[1]
    english.context.route(
        "**/stats", lambda route: route.fulfill(status=401, json={"error": {"code": "invalid_api_key", "message": ""}})
    )
    english.open(home.url + "/#/stats", model="")
    english.sees_fault("key", "#main")

    english.page.goto(home.url + "/#/prompt")
    english.configure("endpoint", "http://127.0.0.1:9/v1")
    english.asked.clear()
    english.page.goto(home.url + "/#/stats")

    expect(english.find("[data-part=direct]")).to_contain_text("127.0.0.1:9")
    assert asked(english) == 0


@pytest.mark.parametrize(("scheme", "width"), [("dark", 390), ("light", 1280)])
def test_axe_finds_nothing_serious_among_charts(
    reader: OpenReader, patient_pair: Pair, scheme: str, width: int
) -> None:
    page = reader(bypass_csp=True, color_scheme=scheme, viewport={"width": width, "height": 800})
    Told(page)
    page.open(patient_pair[1].url + "/#/stats", model="")
    page.page.add_script_tag(path=AXE)
    expect(page.find(".bar-row")).to_have_count(3)

    open_tables(page)

    assert _axe(page) == []
