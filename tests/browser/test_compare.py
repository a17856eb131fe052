"""The comparison: columns that answer on their own, figures that can be compared, a benchmark to take home."""

from __future__ import annotations

import csv
import json
import threading
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.browser import openai_stream as script
from tests.browser.conftest import ROOT, OpenReader
from tests.browser.reader import Reader
from tests.fake_backend import FakeBackend, Pause, Status, UntilClientLeaves, WaitFor
from tests.running_gateway import RunningGateway

pytestmark = pytest.mark.browser
AXE = ROOT / "tools" / "vendor" / "node_modules" / "axe-core" / "axe.min.js"
PRESETS = json.loads((ROOT / "frontend" / "presets.json").read_text(encoding="utf-8"))
FORMULA = '=HYPERLINK("http://a.example","x")'
LLAMA, MISTRAL = "llama3.2:latest", "mistral:7b"
ANSWER = (
    script.BEGIN,
    script.said("Well, "),
    script.said("yes."),
    script.finish("stop"),
    script.usage(7, 5),
    script.DONE,
)
Pair = tuple[FakeBackend, RunningGateway]


@pytest.fixture(scope="module")
def two_models() -> Iterator[Pair]:
    with (
        FakeBackend("openai", [LLAMA, MISTRAL]) as fake,
        RunningGateway(BACKEND="openai", OPENAI_URL=fake.url + "/v1") as gateway,
    ):
        yield fake, gateway


def opened(page: Reader, gateway: RunningGateway) -> Reader:
    page.open(gateway.url + "/#/compare", model="")
    expect(page.find("[data-column=B] select")).not_to_have_value("")
    page.find("#compare-system").fill("")
    page.find("#compare-human").fill("Is it so?")
    return page


def column(page: Reader, letter: str) -> Locator:
    return page.find(f"[data-column={letter}]")


def sees_phase(page: Reader, letter: str, phase: str) -> None:
    expect(column(page, letter)).to_have_attribute("data-phase", phase)


def row(page: Reader, table: str, name: str) -> list[str]:
    return page.find(f"{table} [data-row={name}] td").all_inner_texts()


def test_two_models_answer_side_by_side_with_settings_of_their_own(english: Reader, two_models: Pair) -> None:
    fake, gateway = two_models
    english.context.grant_permissions(["clipboard-read", "clipboard-write"])
    hold = threading.Event()
    fake.always(script.PATH, *ANSWER[:2], WaitFor(hold), *ANSWER[2:])
    opened(english, gateway)
    expect(column(english, "A").locator("select")).to_have_value(LLAMA)
    expect(column(english, "B").locator("select")).to_have_value(MISTRAL)
    column(english, "B").locator("summary").click()
    column(english, "B").locator("input[type=range]").first.fill("1.5")
    before = len(fake.requests_to(script.PATH))

    english.find("#order-all").check()
    english.page.keyboard.press("Control+Enter")

    for letter in "AB":
        expect(column(english, letter).locator("[data-part=text]")).to_have_text("Well,")
    english.find("nav [data-view=prompt]").click()
    expect(english.find("#send")).to_be_visible()
    hold.set()
    english.find("nav [data-view=compare]").click()
    for letter in "AB":
        sees_phase(english, letter, "done")
        expect(column(english, letter).locator("[data-part=text]")).to_have_text("Well, yes.")
    asked = {one.json["model"]: one.json for one in fake.requests_to(script.PATH)[before:]}
    fake.always(script.PATH)
    assert asked[MISTRAL]["temperature"] == 1.5
    assert "temperature" not in asked[LLAMA]
    assert asked[LLAMA]["messages"] == asked[MISTRAL]["messages"] == [{"role": "user", "content": "Is it so?"}]
    assert row(english, "#summary", "figure_output") == ["5", "5"]
    expect(english.find("#summary [data-part=order]")).to_contain_text("shared the machine")
    column(english, "B").locator("[data-do=copy]").click()
    expect(column(english, "B").locator("[data-do=copy]")).to_have_text("Copied")
    assert english.measure("() => navigator.clipboard.readText()") == "Well, yes."


def test_one_after_the_other_a_column_that_fails_or_is_stopped_leaves_the_others_alone(
    english: Reader, two_models: Pair
) -> None:
    fake, gateway = two_models
    hold = threading.Event()
    fake.script(script.PATH, WaitFor(hold), Status(500, body={"error": {"message": "It broke."}}))
    fake.script(script.PATH, script.BEGIN, script.said("For ever"), UntilClientLeaves())
    fake.script(script.PATH, Pause(0.4), *ANSWER)
    fake.script(script.PATH, *ANSWER)
    opened(english, gateway)
    english.find("#add-column").click()
    english.find("#add-column").click()
    before = len(fake.requests_to(script.PATH))

    english.find("#run").click()

    fake.wait_request(before + 1, path=script.PATH)
    sees_phase(english, "A", "waiting")
    for letter in "BCD":
        sees_phase(english, letter, "queued")
    assert len(fake.requests_to(script.PATH)) == before + 1
    hold.set()
    expect(column(english, "A").locator(".notice[data-kind=backend_failed]")).to_contain_text("It broke.")
    expect(column(english, "B").locator("[data-part=text]")).to_have_text("For ever")
    column(english, "B").locator("[data-do=stop]").click()
    assert fake.wait_request(before + 2, path=script.PATH).wait_closed(2)
    for letter, phase in zip("ABCD", ("failed", "stopped", "done", "done"), strict=True):
        sees_phase(english, letter, phase)
    first_tokens = row(english, "#summary", "figure_ttft")
    assert ["best" in cell for cell in first_tokens] == [False, False, False, True]
    assert first_tokens[0] == "–"
    expect(column(english, "D").locator("[data-figure=ttft]")).to_contain_text("best")
    expect(english.find("#summary [data-part=order]")).to_contain_text("one after the other")

    column(english, "A").get_by_role("button", name="Try again").click()
    sees_phase(english, "A", "done")
    assert len(fake.requests_to(script.PATH)) == before + 5


def test_the_prompts_are_those_of_the_prompt_view_until_something_is_typed(english: Reader, two_models: Pair) -> None:
    fake, gateway = two_models
    english.open(gateway.url).find("[data-preset=oracle]").click()
    oracle = next(preset for preset in PRESETS if preset["id"] == "oracle")
    before = len(fake.requests_to(script.PATH))

    english.find("nav [data-view=compare]").click()
    expect(english.find("[data-part=examples]")).to_contain_text("sent along")
    english.find("#compare-human").fill("Is it so?")
    english.find("#run").click()
    sees_phase(english, "B", "done")

    messages = fake.requests_to(script.PATH)[before].json["messages"]
    assert messages[0] == {"role": "system", "content": oracle["system"]["en"]}
    assert len(messages) == 2 + 2 * len(oracle["examples"])
    assert messages[-1] == {"role": "user", "content": "Is it so?"}
    english.find("#use-prompt-view").click()
    expect(english.find("#compare-human")).to_have_value(oracle["user"]["en"])


def test_a_prompt_whose_variables_are_empty_is_not_sent(english: Reader, two_models: Pair) -> None:
    fake, gateway = two_models
    english.open(gateway.url).find("#human").fill("What is {{topic}}?")
    before = len(fake.requests_to(script.PATH))
    english.find("nav [data-view=compare]").click()

    english.find("#run").click()
    english.sees_fault("prompt_gap", "#comparison").get_by_role("button", name="Fill it in there").click()
    expect(english.find("#variable-topic")).to_have_attribute("aria-invalid", "true")
    english.find("#variable-topic").fill("ice")
    english.find("nav [data-view=compare]").click()
    english.find("#run").click()

    sees_phase(english, "B", "done")
    sent = [one.json["messages"][-1]["content"] for one in fake.requests_to(script.PATH)[before:]]
    assert sent == ["What is ice?"] * 2


def test_a_gateway_that_is_gone_is_named_once_a_column_and_not_again_above(english: Reader, two_models: Pair) -> None:
    opened(english, two_models[1])
    for address in ("health", "models", "v1/chat/completions"):
        english.context.route(f"**/{address}", lambda route: route.abort())

    english.find("#run").click()

    for letter in "AB":
        expect(column(english, letter).locator(".notice[data-kind=gateway_down]")).to_be_visible()
    expect(english.find("#status")).to_contain_text("does not answer")
    expect(english.find("#catalog-notice .notice")).to_have_count(0)


def test_stop_all_stops_what_runs_and_what_waits(english: Reader, two_models: Pair) -> None:
    fake, gateway = two_models
    fake.script(script.PATH, script.BEGIN, script.said("I begin"), UntilClientLeaves())
    opened(english, gateway)
    before = len(fake.requests_to(script.PATH))
    english.find("#run").click()
    expect(column(english, "A").locator("[data-part=text]")).to_have_text("I begin")

    english.page.keyboard.press("Escape")

    sees_phase(english, "A", "stopped")
    expect(column(english, "B")).not_to_have_attribute("data-phase", "queued")
    expect(english.find("#run")).to_have_text("Run")
    expect(english.find("#run")).to_be_focused()
    assert len(fake.requests_to(script.PATH)) == before + 1


def test_columns_come_with_the_settings_of_another_and_go(english: Reader, two_models: Pair) -> None:
    _, gateway = two_models
    opened(english, gateway)
    column(english, "B").locator("summary").click()
    column(english, "B").get_by_label("Seed").fill("42")
    column(english, "B").get_by_label("Seed").blur()

    column(english, "B").locator("[data-do=duplicate]").click()
    column(english, "A").locator("[data-do=remove]").click()

    expect(english.find("[data-column]")).to_have_count(2)
    expect(english.find("#add-column")).to_be_focused()
    for letter in "AB":
        expect(column(english, letter).locator("select")).to_have_value(MISTRAL)
        expect(column(english, letter).locator("[data-part=parameters]")).to_have_text("Seed 42")
        expect(column(english, letter).locator("[data-do=remove]")).to_be_disabled()
    english.find("#add-column").click()
    expect(column(english, "C").locator("select")).to_have_value(LLAMA)
    english.find("#add-column").click()
    expect(english.find("#add-column")).to_be_disabled()
    ids = english.measure("() => [...document.querySelectorAll('[id]')].map((node) => node.id)")
    assert len(ids) == len(set(ids))


def test_one_model_is_compared_at_two_temperatures_and_the_demo_model_has_one(
    english: Reader, patient_pair: Any, embedded: RunningGateway
) -> None:
    opened(english, patient_pair[1])
    told = english.find("[data-part=parameters]").all_inner_texts()
    assert told == ["Temperature 0", "Temperature 1"]
    assert english.find("[data-part=all-demo]").count() == 0

    opened(english, embedded)

    expect(english.find("[data-part=all-demo]")).to_contain_text("temperature 0")
    for letter in "AB":
        column(english, letter).locator("summary").click()
        expect(column(english, letter).locator("input[type=range]").first).to_be_disabled()


@pytest.fixture
def hostile_pair() -> Iterator[Pair]:
    with (
        FakeBackend("openai", [FORMULA, MISTRAL]) as fake,
        RunningGateway(BACKEND="openai", OPENAI_URL=fake.url + "/v1") as gateway,
    ):
        yield fake, gateway


def test_a_benchmark_counts_its_runs_and_gives_them_away_as_csv(english: Reader, hostile_pair: Pair) -> None:
    fake, gateway = hostile_pair
    opened(english, gateway)
    column(english, "A").locator("select").select_option(FORMULA)
    column(english, "B").locator("select").select_option(MISTRAL)
    hold = threading.Event()
    fake.script(script.PATH, *ANSWER)  # the warm-up
    fake.script(script.PATH, WaitFor(hold), Status(429, body={"error": {"message": "Slow down."}}))
    fake.script(script.PATH, WaitFor(hold), *ANSWER)
    fake.always(script.PATH, *ANSWER)
    english.configure("runs", "99")
    expect(english.find("#runs")).to_have_value("50")
    english.configure("runs", "3")
    english.configure("at-once", "2")

    english.find("#measure").click()

    fake.wait_request(3, path=script.PATH)
    expect(english.find("[data-part=progress]")).to_have_text("1 of 8 · column A")
    assert len(fake.requests_to(script.PATH)) == 3
    hold.set()
    expect(english.find("[data-part=progress]")).to_have_text("Done: 8 of 8")
    assert row(english, "#benchmark", "runs") == ["3", "3"]
    assert row(english, "#benchmark", "output-50") == ["5", "5"]
    assert row(english, "#benchmark", "failures") == ["1 × The server is busy.", "none"]
    expect(english.find("[data-plot=ttft] circle")).to_have_count(5)
    with english.page.expect_download() as waiting:
        english.find("#export-csv").click()
    raw = waiting.value.path().read_bytes()
    assert b"\n" not in raw.replace(b"\r\n", b"")
    lines = list(csv.DictReader(raw.decode().splitlines()))
    assert [line["column"] for line in lines] == ["A"] * 3 + ["B"] * 3
    assert {line["model"] for line in lines} == {"'" + FORMULA, MISTRAL}
    assert [line["error_code"] for line in lines].count("busy") == 1
    good = [line for line in lines if not line["error_code"]]
    assert all(json.loads(line["parameters"]) == {} and float(line["ttft_ms"]) > 0 for line in good)
    assert {(line["input_tokens"], line["output_tokens"], line["finish_reason"]) for line in good} == {
        ("7", "5", "stop")
    }
    assert {line["is_estimated"] for line in lines} == {"false"}
    assert all(datetime.fromisoformat(line["started_at"]).tzinfo for line in lines)
    assert all(float(line["total_ms"]) > 0 for line in lines)


def test_a_benchmark_stops_when_told_and_keeps_what_it_has(english: Reader, two_models: Pair) -> None:
    fake, gateway = two_models
    opened(english, gateway)
    english.find("#warm-up").uncheck()
    fake.script(script.PATH, *ANSWER)
    fake.script(script.PATH, script.BEGIN, script.said("On and on"), UntilClientLeaves())
    before = len(fake.requests_to(script.PATH))
    english.find("#measure").click()
    received = fake.wait_request(before + 2, path=script.PATH)
    expect(english.find("#run")).to_be_disabled()

    english.find("#measure").click()

    assert received.wait_closed(2)
    expect(english.find("[data-part=progress]")).to_have_text("Stopped: 1 of 10")
    assert row(english, "#benchmark", "runs") == ["1", "0"]
    assert row(english, "#benchmark", "failures") == ["none", "none"]
    assert len(fake.requests_to(script.PATH)) == before + 2


def test_it_fits_every_width_and_axe_finds_nothing_serious(reader: OpenReader, two_models: Pair) -> None:
    """The policy would stop axe's script, so this context alone goes without it."""
    fake, gateway = two_models
    page = reader(bypass_csp=True, locale="fr-FR", color_scheme="dark", viewport={"width": 390, "height": 800})
    opened(page, gateway)
    fake.script(script.PATH, script.BEGIN, script.said("Donaudampfschifffahrt" * 20), script.finish("length"))
    fake.script(script.PATH, Status(404, body={"error": {"message": "Gone.", "code": "model_not_found"}}))
    page.find("#run").click()
    sees_phase(page, "B", "failed")
    page.configure("runs", "2")
    page.find("#measure").click()
    expect(page.find("#measure")).to_have_text("Mesurer")
    expect(page.find("[data-part=progress]")).to_contain_text("Terminé")
    page.page.add_script_tag(path=AXE)
    for summary in page.find(".column-parameters summary").all():
        summary.click()

    found = _axe(page)
    for width in (320, 390, 720, 1119, 1280):
        page.page.set_viewport_size({"width": width, "height": 700})
        assert page.measure("() => document.documentElement.scrollWidth - innerWidth") <= 0, width
    page.page.emulate_media(color_scheme="light")

    assert found + _axe(page) == []


def _axe(page: Reader) -> list[str]:
    result = page.measure("() => axe.run(document)")
    return [
        f"{violation['id']}: {violation['help']} {[node['target'] for node in violation['nodes']]}"
        for violation in result["violations"]
        if violation["impact"] in ("serious", "critical", "moderate")
    ]
