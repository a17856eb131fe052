"""The course's dialect: prompts in, one object or lines out, conversations that go on."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from backend.dialects.chat import (
    Answer,
    ChatRequest,
    Completed,
    Event,
    Failed,
    Figures,
    Finished,
    Image,
    Message,
    ReasoningDelta,
    Started,
    Text,
    TextDelta,
    ToolCallDelta,
    Usage,
)
from backend.dialects.own.chat import FIELDS, CourseStream, encode_course, parse_course
from backend.dialects.own.context import write_context
from backend.errors import BadRequest, Truncated
from tests.dialects.request_cases import bodies, cases, check, check_refusal

REQUEST = parse_course({"prompt": "Hi", "model": "llama"})
FIGURES = Figures("openai", ttft_ms=12.5, tokens_per_second=50.0, load_ms=100.0)
GATEWAYS = Usage(7, 3, figures=FIGURES)
BACKENDS = Usage(7, 3, load_ms=1.5, prompt_ms=2.5, eval_ms=3.5, figures=FIGURES)
GOOD: list[Event] = [Started(model="llama:latest"), TextDelta("He"), TextDelta('y "é"'), Finished("stop")]


def now() -> datetime:
    return datetime(2026, 11, 21, 11, 0, 0, 5, tzinfo=timezone(timedelta(hours=1)))


def elapsed_ms() -> float:
    return 1234.5


def lines(*events: Event, request: ChatRequest = REQUEST) -> list[dict[str, Any]]:
    encoder = CourseStream(request, "llama", now, elapsed_ms)
    sent = b"".join(encoder.encode(event) for event in events)
    assert sent.endswith(b"\n")
    return [json.loads(line) for line in sent.splitlines()]


def whole(*events: Event, request: ChatRequest = REQUEST) -> dict[str, Any]:
    answer = Answer()
    for event in events:
        answer.add(event)
    found = json.loads(encode_course(request, answer, "llama", now, elapsed_ms))
    assert isinstance(found, dict)
    return found


@cases("course_requests.json")
def test_a_request_is_read_as_the_corpus_says(case: dict[str, Any]) -> None:
    check(parse_course, case["input"], case)


def test_a_stream_is_lines_and_a_last_one_that_says_it_is_done() -> None:
    first, second, last = lines(*GOOD, BACKENDS, Completed())

    head = {"model": "llama:latest", "created_at": "2026-11-21T10:00:00.000005Z"}
    assert first == {**head, "response": "He", "done": False}
    assert second == {**head, "response": 'y "é"', "done": False}
    assert last.pop("context").startswith("p1.")
    assert last == {
        **head,
        "response": "",
        "done": True,
        "done_reason": "stop",
        "total_duration": 1234500000,
        "load_duration": 1500000,
        "prompt_eval_count": 7,
        "prompt_eval_duration": 2500000,
        "eval_count": 3,
        "eval_duration": 3500000,
    }


def test_a_whole_answer_has_the_same_figures_and_the_text() -> None:
    found = whole(*GOOD, BACKENDS)
    last = lines(*GOOD, BACKENDS, Completed())[-1]

    assert found == {**last, "response": 'Hey "é"'}


def test_figures_that_the_backend_does_not_tell_are_the_gateways() -> None:
    found = whole(*GOOD, GATEWAYS)

    durations = [found[name] for name in ("load_duration", "prompt_eval_duration", "eval_duration")]
    assert durations == [100000000, 12500000, 60000000]


@pytest.mark.parametrize("usage", [Usage(7, 3), Usage(7, 3, figures=Figures("openai"))])
def test_durations_that_nobody_knows_are_null(usage: Usage) -> None:
    found = whole(*GOOD, usage)

    assert [found[name] for name in ("load_duration", "prompt_eval_duration", "eval_duration")] == [None] * 3
    assert found["total_duration"] == 1234500000


@pytest.mark.parametrize("strange", [-1.0, float("nan"), float("inf"), 1e300])
def test_a_duration_that_is_none_is_null(strange: float) -> None:
    assert whole(*GOOD, Usage(7, 3, load_ms=strange))["load_duration"] is None


def test_reasoning_has_a_key_of_its_own_and_is_no_part_of_the_context() -> None:
    events: list[Event] = [Started(), ReasoningDelta("h"), ReasoningDelta("m"), TextDelta("4"), Finished("stop")]

    found = whole(*events, BACKENDS)
    streamed = lines(*events, BACKENDS, Completed())

    assert (found["thinking"], found["response"]) == ("hm", "4")
    assert [(line["response"], line.get("thinking")) for line in streamed] == [
        ("", "h"),
        ("", "m"),
        ("4", None),
        ("", None),
    ]
    for context in (found["context"], streamed[-1]["context"]):
        assert parse_course({"prompt": "?", "context": context}).messages[1] == Message("assistant", (Text("4"),))


def test_an_answer_cut_by_its_limit_says_so() -> None:
    events: list[Event] = [Started(), TextDelta("a"), Finished("length")]

    assert whole(*events, BACKENDS)["done_reason"] == "length"
    assert lines(*events, BACKENDS, Completed())[-1]["done_reason"] == "length"


def test_a_failure_is_a_line_and_the_end_without_done() -> None:
    failure = Failed(Truncated("The backend's answer ended early."))

    found = lines(Started(), TextDelta("a"), failure, TextDelta("b"), Finished("stop"), BACKENDS, Completed(), failure)

    assert found[1:] == [{"error": "The backend's answer ended early.", "code": "truncated"}]
    assert found[0]["done"] is False


def test_nothing_follows_the_last_line() -> None:
    assert lines(*GOOD, BACKENDS, Completed(), TextDelta("b"), Completed()) == lines(*GOOD, BACKENDS, Completed())


def test_other_choices_and_tool_calls_have_no_place_in_the_lines() -> None:
    strays: list[Event] = [TextDelta("x", choice=1), ReasoningDelta("y", choice=1), ToolCallDelta(0, "{}", "c", "f")]

    assert lines(*GOOD, *strays, BACKENDS, Completed()) == lines(*GOOD, BACKENDS, Completed())


def test_raw_bytes_of_another_dialect_are_not_sent() -> None:
    assert lines(Started(raw=b"{}"), TextDelta("a", raw=b'{"raw":1}'), Completed())[0]["response"] == "a"


def test_the_stream_is_ndjson_and_has_no_sign_of_life() -> None:
    encoder = CourseStream(REQUEST, "llama", now, elapsed_ms)

    assert (encoder.content_type, encoder.keep_alive) == ("application/x-ndjson", b"")


def test_a_conversation_goes_on_from_the_context_of_its_answer() -> None:
    first = parse_course({"prompt": "Hi", "system": "Be brief.", "images": ["iVBORw0KGgo="]})

    context = whole(*GOOD, BACKENDS, request=first)["context"]
    second = parse_course({"prompt": "And?", "context": context})

    assert second.messages == (
        Message("system", (Text("Be brief."),)),
        Message("user", (Text("Hi"), Image("image/png", "iVBORw0KGgo="))),
        Message("assistant", (Text('Hey "é"'),)),
        Message("user", (Text("And?"),)),
    )


def test_a_new_system_message_takes_the_place_of_the_one_in_the_context() -> None:
    first = parse_course({"prompt": "Hi", "system": "Be brief."})
    context = whole(*GOOD, BACKENDS, request=first)["context"]

    second = parse_course({"prompt": "And?", "system": "Be long.", "context": context})

    assert [message.text for message in second.messages if message.role == "system"] == ["Be long."]


def context_of(written: Any) -> str:
    return "p1." + urlsafe_b64encode(json.dumps(written).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "written",
    [
        {"role": "user", "content": "Hi"},
        [{"role": "robot", "content": "Hi"}],
        [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://trap/"}}]}],
        [{"role": "user", "content": [{"type": "input_audio"}]}],
        "Hi",
        [[[[[]]]]],
    ],
)
def test_a_context_that_somebody_made_up_is_read_as_strictly_as_messages(written: Any) -> None:
    with pytest.raises(BadRequest) as caught:
        parse_course({"prompt": "Hi", "context": context_of(written)})

    assert caught.value.param == "context"


@pytest.mark.parametrize("bomb", ["[" * 100_000, "[" * 2000 + "]" * 2000, "NaN", "[1e999]", '["\\ud800"]', "\x00", ""])
def test_a_context_that_is_no_json_is_refused(bomb: str) -> None:
    with pytest.raises(BadRequest):
        parse_course({"prompt": "Hi", "context": "p1." + urlsafe_b64encode(bomb.encode()).decode().rstrip("=")})


def test_a_context_larger_than_any_answer_gives_is_refused_unread() -> None:
    with pytest.raises(BadRequest):
        parse_course({"prompt": "Hi", "context": "p1." + "A" * (32 * 2**20)})


def test_every_cut_and_every_changed_letter_of_a_context_is_a_context_or_a_refusal() -> None:
    context = write_context((Message("user", (Text("Hi"),)), Message("assistant", (Text("Hé"),))))
    spoiled = [context[:end] for end in range(len(context))]
    spoiled += [context[:at] + letter + context[at + 1 :] for at in range(len(context)) for letter in "A_=é \n"]
    refused = 0
    for each in spoiled:
        try:
            parse_course({"prompt": "Hi", "context": each})
        except BadRequest:
            refused += 1

    assert refused > len(spoiled) // 2
    assert parse_course({"prompt": "Hi", "context": context}).messages[1].text == "Hé"


@given(
    st.lists(
        st.builds(
            lambda role, text: Message(role, (Text(text),)),
            st.sampled_from(["system", "user", "assistant"]),
            st.text(st.characters(exclude_categories=["Cs"])),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_any_conversation_survives_its_context(messages: list[Message]) -> None:
    context = write_context(messages)

    assert parse_course({"prompt": "?", "context": context}).messages[:-1] == tuple(messages)


@settings(max_examples=120, deadline=None)
@given(bodies(FIELDS))
@example({"prompt": "Hi", "images": ["\ud800"]})
@example({"prompt": "Hi", "context": "p1.\ud800"})
def test_any_object_is_a_request_or_a_gateway_error(body: dict[str, Any]) -> None:
    check_refusal(parse_course, {"prompt": "Hi", **body})


def test_times_are_told_in_utc_whatever_the_clocks_zone() -> None:
    encoder = CourseStream(REQUEST, "llama", lambda: datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), elapsed_ms)

    assert b'"created_at":"2026-01-02T03:04:05.000000Z"' in encoder.encode(TextDelta("a"))
