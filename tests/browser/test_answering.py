"""An answer on its way: it streams, shows its figures, stops when told to, and never pretends to be whole."""

from __future__ import annotations

import threading
from itertools import pairwise

import pytest
from playwright.sync_api import expect

from tests.browser import openai_stream as script
from tests.browser.conftest import OpenReader
from tests.browser.reader import Reader
from tests.fake_backend import FakeBackend, Fin, Reset, UntilClientLeaves, WaitFor
from tests.running_gateway import RunningGateway

pytestmark = pytest.mark.browser
Pair = tuple[FakeBackend, RunningGateway]

LENGTHS = """() => new Promise((resolve) => {
  const lengths = new Set(), root = document.getElementById("answer"), text = root.querySelector("[data-part=text]")
  const look = () => {
    lengths.add(text.textContent.length)
    if (root.dataset.phase === "done") resolve([...lengths])
  }
  new MutationObserver(look).observe(root, { subtree: true, characterData: true, childList: true, attributes: true })
})"""


def test_a_preset_is_answered_by_the_demo_model_step_by_step(reader: OpenReader, embedded: RunningGateway) -> None:
    page = reader(locale="fr-FR").open(embedded.url)
    page.find("[data-preset=dreams]").click()

    page.ask()
    lengths = page.measure(LENGTHS)

    assert len(lengths) > 10, "the answer came in few pieces"
    marks = 4 * page.find("#answer strong").count()  # asterisks go when their line is finished
    assert all(later > earlier - marks for earlier, later in pairwise(lengths))
    for figure in ("speed", "ttft", "input", "output"):
        assert any(digit in page.figure(figure) for digit in "123456789"), figure
    assert page.figure("finish") == "stop"
    assert "dém" in page.figure("model")
    expect(page.find("#configuration [data-part=demo]")).to_be_visible()
    expect(page.find("#temperature")).to_be_disabled()


def test_each_piece_shows_before_the_backend_sends_the_next(english: Reader, patient_pair: Pair) -> None:
    fake, gateway = patient_pair
    first, second = threading.Event(), threading.Event()
    steps = (script.said("One"), WaitFor(first), script.said(", two"), WaitFor(second), script.said(", three."))
    fake.script(script.PATH, script.BEGIN, *steps, script.finish("stop"), script.usage(7, 5), script.DONE)
    english.open(gateway.url).ask("Count.")

    english.sees_text("One")
    first.set()
    english.sees_text("One, two")
    english.sees_phase("writing")
    second.set()
    english.sees_text("One, two, three.")

    english.sees_phase("done")
    assert (english.figure("input"), english.figure("output")) == ("7", "5")


def test_system_human_and_settings_reach_the_backend(english: Reader, patient_pair: Pair) -> None:
    fake, gateway = patient_pair
    english.open(gateway.url)
    english.find("#system").fill("Be brief.")
    english.configure("temperature", "1.5")
    english.configure("max-tokens", "77")

    english.ask("Who are you?")
    english.sees_phase("done")

    sent = fake.requests_to(script.PATH)[-1].json
    assert sent["messages"] == [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Who are you?"}]
    assert sent["temperature"] == 1.5
    assert sent["max_tokens"] == 77
    assert sent["model"] == "llama3.2:latest"


def test_a_model_whose_name_sounds_like_another_api_is_still_asked_for_a_chat(
    english: Reader, patient_pair: Pair
) -> None:
    _, gateway = patient_pair
    english.context.route("**/models", lambda route: route.fulfill(json={"data": [{"id": "qwen-codex:7b"}]}))

    english.open(gateway.url).ask("Hello?")

    english.sees_phase("failed")  # the gateway does not have it
    assert [url for url in english.asked if "/v1/" in url] == [f"{gateway.url}/v1/chat/completions"]


def test_stop_closes_the_backend_at_once_and_send_is_back(english: Reader, patient_pair: Pair) -> None:
    fake, gateway = patient_pair
    fake.script(script.PATH, script.BEGIN, script.said("It begins and "), UntilClientLeaves())
    english.open(gateway.url)
    before = len(fake.requests_to(script.PATH))
    english.ask("Tell me all.")
    english.sees_text("It begins and ")
    received = fake.requests_to(script.PATH)[before]

    clicked_at = english.click_at("#stop")

    assert received.wait_closed(2)
    assert received.closed_at is not None
    assert received.closed_at - clicked_at < 0.2
    english.sees_phase("stopped")
    expect(english.part("ending")).to_contain_text("Words received: 3.")
    english.sees_text("It begins and ")
    assert english.find("#answer .notice").count() == 0
    english.ask("Once more.")
    english.sees_phase("done")


def test_stop_before_the_first_word_says_so(french: Reader, patient_pair: Pair) -> None:
    fake, gateway = patient_pair
    fake.script(script.PATH, UntilClientLeaves())
    before = len(fake.requests_to(script.PATH))
    french.open(gateway.url).ask("Tout ?")
    received = fake.wait_request(before + 1, path=script.PATH)
    expect(french.part("waiting-text")).to_contain_text("En attente du premier mot")

    french.page.keyboard.press("Escape")

    french.sees_phase("stopped")
    expect(french.part("ending")).to_contain_text("avant le premier mot")
    assert received.wait_closed(2)


def test_a_long_silence_is_explained(english: Reader, patient_pair: Pair) -> None:
    fake, gateway = patient_pair
    fake.script(script.PATH, UntilClientLeaves())
    before = len(fake.requests_to(script.PATH))
    english.page.clock.install()
    english.open(gateway.url).ask("Are you there?")
    fake.wait_request(before + 1, path=script.PATH)
    expect(english.part("waiting-text")).to_contain_text("Waiting for the first word")

    english.page.clock.run_for(5000)

    expect(english.part("waiting-text")).to_contain_text("may be loading")
    english.click_at("#stop")


def test_reasoning_is_folded_and_timed(english: Reader, patient_pair: Pair) -> None:
    fake, gateway = patient_pair
    go_on = threading.Event()
    thoughts = (script.thought("First I look. "), WaitFor(go_on), script.thought("Then I leap."))
    fake.script(script.PATH, script.BEGIN, *thoughts, script.said("Done."), script.finish("stop"), script.DONE)
    english.open(gateway.url).ask("Think.")

    english.sees_phase("thinking")
    expect(english.part("thought-title")).to_contain_text("Thinking")
    go_on.set()
    english.sees_phase("done")

    english.sees_text("Done.")
    expect(english.part("thought-title")).to_contain_text("Reasoning, ")
    expect(english.part("thought-text")).to_be_hidden()
    english.part("thought-title").click()
    expect(english.part("thought-text")).to_have_text("First I look. Then I leap.")


@pytest.mark.parametrize("end", [Fin(), Reset()], ids=["closed", "reset"])
def test_an_answer_that_was_cut_says_so_and_is_kept(french: Reader, patient_pair: Pair, end: Fin | Reset) -> None:
    fake, gateway = patient_pair
    cut = threading.Event()
    fake.script(script.PATH, script.BEGIN, script.said("La moitié d’une "), WaitFor(cut), end)
    french.open(gateway.url).ask("Tout ?")
    french.sees_text("La moitié d’une ")

    cut.set()

    french.sees_phase("cut")

    french.sees_text("La moitié d’une ")
    expect(french.part("ending")).to_contain_text("interrompue")
    expect(french.part("state")).to_have_text("Interrompue")
    french.sees_fault("connection").get_by_role("button", name="Réessayer").click()
    french.sees_phase("done")
    assert french.find("#answer .notice").count() == 0


def test_an_answer_without_a_finish_reason_is_cut_even_if_nothing_complains(
    english: Reader, patient_pair: Pair
) -> None:
    _, gateway = patient_pair
    body = 'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":"Half"}}]}\n\n'
    headers = {"content-type": "text/event-stream"}
    english.context.route("**/v1/chat/completions", lambda route: route.fulfill(headers=headers, body=body))

    english.open(gateway.url).ask("All of it?")

    english.sees_phase("cut")
    english.sees_text("Half")
    assert english.figure("finish") == "none"


def test_an_answer_at_its_limit_says_so(english: Reader, patient_pair: Pair) -> None:
    fake, gateway = patient_pair
    fake.script(script.PATH, script.BEGIN, script.said("Once upon a"), script.finish("length"), script.DONE)
    english.open(gateway.url)
    english.configure("max-tokens", "3")

    english.ask("A story!")

    english.sees_phase("length")
    expect(english.part("ending")).to_contain_text("limit of 3 tokens")
    assert english.figure("finish") == "length"


def test_an_answer_without_a_word_says_so(english: Reader, patient_pair: Pair) -> None:
    fake, gateway = patient_pair
    fake.script(script.PATH, script.BEGIN, script.finish("stop"), script.DONE)

    english.open(gateway.url).ask("Nothing?")

    english.sees_phase("done")
    expect(english.part("ending")).to_contain_text("without a word")


def test_markup_in_an_answer_stays_text(english: Reader, patient_pair: Pair) -> None:
    fake, gateway = patient_pair
    hostile = '<img src="http://192.0.2.1/x.png" onerror="alert(1)"><script>alert(2)</script>'
    pieces = [script.said(letter) for letter in hostile]
    fake.script(script.PATH, script.BEGIN, script.thought(hostile), *pieces, script.finish("stop"), script.DONE)

    english.open(gateway.url).ask("Attack!")

    english.sees_phase("done")
    english.sees_text(hostile)
    assert english.find("#answer img, #answer script").count() == 0


def test_bold_words_are_bold_and_nothing_is_lost(english: Reader, patient_pair: Pair) -> None:
    fake, gateway = patient_pair
    said = "1. **Same** image\n2 ** 3 ** 4 and **`<b>bold</b>`** at\nthe **end**"
    fake.script(script.PATH, script.BEGIN, *map(script.said, said), script.finish("stop"), script.DONE)

    english.open(gateway.url).ask("Emphasize!")

    english.sees_phase("done")
    english.sees_text("Same image 2 ** 3 ** 4 and <b>bold</b> at the end")
    assert english.find("#answer li strong").all_inner_texts() == ["Same", "<b>bold</b>", "end"]


def test_the_view_follows_the_end_only_for_a_reader_who_is_there(english: Reader, patient_pair: Pair) -> None:
    fake, gateway = patient_pair
    more, rest = threading.Event(), threading.Event()
    lines = [script.said(f"Line {number}\n") for number in range(60)]
    steps = (*lines, WaitFor(more), *lines, WaitFor(rest), script.said("The end."), script.finish("stop"))
    fake.script(script.PATH, script.BEGIN, *steps, script.DONE)
    english.open(gateway.url).ask("Many lines.")
    body = english.part("body")
    left = "(box) => box.scrollHeight - box.scrollTop - box.clientHeight"
    expect(english.part("text")).to_contain_text("Line 59")
    assert body.evaluate(left) < 5

    body.evaluate("(box) => { box.scrollTop = 100 }")
    more.set()
    expect(english.part("text")).to_contain_text("Line 59 Line 0", use_inner_text=True)
    english.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert body.evaluate("(box) => box.scrollTop") == 100

    english.find("[data-do=to-end]").click()
    assert body.evaluate(left) < 5
    expect(english.find("[data-do=to-end]")).to_have_count(0)
    body.evaluate("(box) => { box.scrollTop = 100 }")
    expect(english.find("[data-do=to-end]")).to_be_visible()
    rest.set()
    english.sees_phase("done")
    assert body.evaluate("(box) => box.scrollTop") == 100


def test_an_answer_is_copied_as_it_was_written(english: Reader, patient_pair: Pair) -> None:
    fake, gateway = patient_pair
    fake.script(script.PATH, script.BEGIN, script.said("**Bold** `code`\n"), script.finish("stop"), script.DONE)
    english.open(gateway.url)
    expect(english.find("#answer [data-do=copy]")).to_have_count(0)
    english.ask("Emphasize!")
    english.sees_phase("done")

    english.find("#answer [data-do=copy]").click()

    expect(english.find("#answer [data-do=copy]")).to_have_text("Copied")
    english.find("#human").fill("")
    english.find("#human").press("Control+v")
    expect(english.find("#human")).to_have_value("**Bold** `code`\n")
