"""Replies in Anthropic's dialect: streams event by event, whole answers, listings, errors."""

from __future__ import annotations

import json
from typing import Any

import pytest
from anthropic.types import Message, ModelInfo, RawMessageStreamEvent
from pydantic import TypeAdapter

from backend.dialects.anthropic.error import encode_error, status_of, thread_refused
from backend.dialects.anthropic.listing import encode_model, encode_models
from backend.dialects.anthropic.reply import encode_message
from backend.dialects.anthropic.request import parse_messages
from backend.dialects.anthropic.seal import seal, sign
from backend.dialects.anthropic.stream import PING, MessageStream
from backend.dialects.chat import (
    Answer,
    ChatRequest,
    Completed,
    Event,
    Failed,
    Figures,
    Finished,
    Model,
    PromptRead,
    ReasoningDelta,
    Started,
    TextDelta,
    ToolCallDelta,
    Usage,
)
from backend.errors import (
    BackendFailed,
    BackendTimeout,
    BackendUnavailable,
    BadRequest,
    BodyTooLarge,
    Forbidden,
    GatewayError,
    MethodNotAllowed,
    ModelNotFound,
    Truncated,
    Unauthorized,
)

FIGURES = Figures("ollama", ttft_ms=12.5, tokens_per_second=40.0, load_ms=None)
USAGE = Usage(input_tokens=7, output_tokens=3, cached_tokens=2, reasoning_tokens=1, figures=FIGURES)
COUNTED = {
    "input_tokens": 5,
    "cache_creation_input_tokens": 0,
    "cache_read_input_tokens": 2,
    "output_tokens": 3,
    "output_tokens_details": {"thinking_tokens": 1},
    "passerelle": {"backend": "ollama", "ttft_ms": 12.5, "tokens_per_second": 40.0, "load_ms": None},
}
EVENT: Any = TypeAdapter(RawMessageStreamEvent)
Written = dict[str, Any]


def stream(display: str = "summarized") -> MessageStream:
    request = asked(type="adaptive", display=display) if display != "left out" else plain()
    return MessageStream(request, "llama", "msg_1", "req_1")


def told(encoder: MessageStream, *events: Event) -> list[Written]:
    """The events that a client gets, each with its name in `event:` and valid to anthropic-python."""
    sent = b"".join(encoder.encode(event) for event in events)
    found = []
    for block in sent.split(b"\n\n")[:-1]:
        name, data = block.split(b"\n")
        event = json.loads(data.removeprefix(b"data: "))
        assert name == b"event: " + event["type"].encode()
        if event["type"] != "error":
            EVENT.validate_python(event)
        found.append(event)
    assert sent.endswith(b"\n\n") or not sent
    return found


def blocks(events: list[Written]) -> list[tuple[Written, list[Any]]]:
    """Each block with its deltas, the keys of their types left out. Fails where blocks are not one after the other."""
    found: list[tuple[Written, list[Any]]] = []
    is_open = False
    for event in events:
        if event["type"] == "content_block_start":
            assert (event["index"], is_open) == (len(found), False)
            found.append((event["content_block"], []))
            is_open = True
        elif event["type"] in ("content_block_delta", "content_block_stop"):
            assert (event["index"], is_open) == (len(found) - 1, True)
            is_open = event["type"] != "content_block_stop"
            if is_open:
                found[-1][1].append(next(value for key, value in event["delta"].items() if key != "type"))
    assert not is_open
    return found


def end(*events: Event) -> Written:
    """`message_delta` of an answer that ends like this."""
    *_, delta, stop = told(stream(), Started(), *events, Completed())
    assert stop == {"type": "message_stop"}
    assert delta["type"] == "message_delta"
    return delta


def whole(*events: Event, request: ChatRequest | None = None) -> Written:
    answer = Answer()
    for event in events:
        answer.add(event)
    written: Written = json.loads(encode_message(request or plain(), answer, "llama", "msg_1"))
    Message.model_validate(written)
    return written


def plain() -> ChatRequest:
    return parse_messages({"messages": [{"role": "user", "content": "Hi"}]})


def asked(**thinking: Any) -> ChatRequest:
    return parse_messages({"messages": [{"role": "user", "content": "Hi"}], "thinking": thinking})


# -- streams --------------------------------------------------------------------------------------


def test_a_stream_is_a_message_its_blocks_and_its_end() -> None:
    events = told(
        stream(), Started("up", 1, "other"), TextDelta("He"), TextDelta("y"), Finished("stop"), USAGE, Completed()
    )

    assert [event["type"] for event in events] == [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    message = events[0]["message"]
    assert (message["id"], message["model"], message["role"], message["content"]) == ("msg_1", "llama", "assistant", [])
    assert (message["stop_reason"], message["stop_sequence"]) == (None, None)
    assert blocks(events) == [({"type": "text", "text": ""}, ["He", "y"])]
    assert events[-2]["delta"] == {"stop_reason": "end_turn", "stop_sequence": None}
    assert events[-2]["usage"] == COUNTED


@pytest.mark.parametrize(
    ("finished", "delta"),
    [
        (Finished("stop"), {"stop_reason": "end_turn", "stop_sequence": None}),
        (Finished("length"), {"stop_reason": "max_tokens", "stop_sequence": None}),
        (Finished("content_filter"), {"stop_reason": "refusal", "stop_sequence": None}),
        (Finished("stop", stop_text="zzz"), {"stop_reason": "stop_sequence", "stop_sequence": "zzz"}),
    ],
)
def test_every_end_has_its_word(finished: Finished, delta: Written) -> None:
    assert end(TextDelta("a"), finished)["delta"] == delta
    assert {key: whole(TextDelta("a"), finished)[key] for key in delta} == delta


@pytest.mark.parametrize("reason", ["stop", "tool_calls"])
def test_an_answer_with_a_call_ends_with_tool_use(reason: Any) -> None:
    call = ToolCallDelta(0, "{}", "call_1", "now")

    assert end(call, Finished(reason))["delta"]["stop_reason"] == "tool_use"
    assert whole(call, Finished(reason))["stop_reason"] == "tool_use"


def test_thinking_text_and_calls_are_blocks_one_after_the_other() -> None:
    events = told(
        stream(),
        ReasoningDelta("H"),
        ReasoningDelta("m."),
        TextDelta("I look."),
        ToolCallDelta(0, "", "call_1", "weather"),
        ToolCallDelta(0, '{"city":'),
        ToolCallDelta(0, '"Oslo"}'),
        ToolCallDelta(1, '{"city":"Rome"}', "call_2", "weather"),
        TextDelta("Done."),
        Finished("tool_calls"),
        Completed(),
    )

    assert blocks(events) == [
        ({"type": "thinking", "thinking": "", "signature": ""}, ["H", "m.", sign("Hm.")]),
        ({"type": "text", "text": ""}, ["I look."]),
        ({"type": "tool_use", "id": "call_1", "name": "weather", "input": {}}, ['{"city":', '"Oslo"}']),
        ({"type": "tool_use", "id": "call_2", "name": "weather", "input": {}}, ['{"city":"Rome"}']),
        ({"type": "text", "text": ""}, ["Done."]),
    ]


def test_thinking_that_nobody_wants_to_see_comes_in_its_seal_alone() -> None:
    events = told(stream("omitted"), ReasoningDelta("H"), ReasoningDelta("m."), Finished("length"), Completed())

    assert blocks(events) == [({"type": "thinking", "thinking": "", "signature": ""}, [seal("Hm.")])]


def test_thinking_that_was_not_asked_for_is_left_out() -> None:
    events = told(stream("left out"), ReasoningDelta("Hm."), TextDelta("Yes."), Finished("stop"), Completed())

    assert blocks(events) == [({"type": "text", "text": ""}, ["Yes."])]


def test_calls_whose_pieces_come_mixed_are_told_one_after_the_other() -> None:
    events = told(
        stream(),
        ToolCallDelta(0, '{"a":', "call_1", "f"),
        ToolCallDelta(1, '{"b":', "call_2", "g"),
        ToolCallDelta(0, "1}"),
        ToolCallDelta(1, "2}"),
        Finished("tool_calls"),
        Completed(),
    )

    assert [deltas for _, deltas in blocks(events)] == [['{"a":', "1}"], ['{"b":2}']]
    assert events[-1]["type"] == "message_stop"


def test_a_call_that_is_still_waiting_at_the_end_is_told_then() -> None:
    events = told(
        stream(),
        ToolCallDelta(0, "", "call_1", "f"),
        ToolCallDelta(1, "{}", "call_2", "g"),
        Finished("tool_calls"),
        Completed(),
    )

    assert [(block["name"], deltas) for block, deltas in blocks(events)] == [("f", []), ("g", ["{}"])]


@pytest.mark.parametrize(
    "pieces",
    [
        [ToolCallDelta(0, '{"city": Oslo}', "call_1", "weather")],
        [ToolCallDelta(0, "[]", "call_1", "weather")],
        [ToolCallDelta(0, "{}", "a", "f"), ToolCallDelta(1, "{}", "b", "g"), ToolCallDelta(0, "1}")],
        [ToolCallDelta(0, '{"a":', "a", "f"), TextDelta("x"), ToolCallDelta(0, "1}")],
    ],
)
def test_a_call_without_sense_never_looks_whole(pieces: list[Event]) -> None:
    events = told(stream(), *pieces, Finished("tool_calls"), Completed())

    assert events[-1]["type"] == "error"
    assert events[-1]["error"]["details"]["error_code"] == "garbled_call"
    assert not {"message_delta", "message_stop"} & {event["type"] for event in events}


def test_a_call_that_max_tokens_cut_is_told_as_far_as_it_came() -> None:
    cut = ToolCallDelta(0, '{"city":"Os', "call_1", "weather")

    events = told(stream(), cut, Finished("length"), Completed())

    assert [deltas for _, deltas in blocks(events)] == [['{"city":"Os']]
    assert events[-2]["delta"]["stop_reason"] == "max_tokens"
    assert whole(cut, Finished("length"))["content"] == []


@pytest.mark.parametrize("before", [[], [TextDelta("a")], [ReasoningDelta("a")], [TextDelta("a"), Finished("stop")]])
def test_a_failure_is_one_event_and_the_end(before: list[Event]) -> None:
    encoder = stream()
    *_, last = told(encoder, Started(), *before, Failed(Truncated("It broke off.")))

    assert last["type"] == "error"
    assert last["error"]["type"] == "api_error"
    assert last["error"]["message"] == "It broke off."
    assert last["request_id"] == "req_1"
    assert told(encoder, TextDelta("b"), Finished("stop"), USAGE, Completed(), Failed(Truncated("Again."))) == []


def test_nothing_follows_the_end() -> None:
    encoder = stream()
    told(encoder, TextDelta("a"), Finished("stop"), Completed())

    assert told(encoder, TextDelta("b"), USAGE, Completed(), Failed(Truncated("Late."))) == []


def test_an_answer_of_nothing_is_a_message_without_blocks() -> None:
    events = told(stream(), Started(), Finished("stop"), Completed())

    assert [event["type"] for event in events] == ["message_start", "message_delta", "message_stop"]
    assert whole(Finished("stop"))["content"] == []


def test_other_choices_than_the_first_are_not_mixed_in() -> None:
    events = told(stream(), TextDelta("a"), TextDelta("b", 1), Finished("stop"), Finished("length", 1), Completed())

    assert blocks(events) == [({"type": "text", "text": ""}, ["a"])]
    assert events[-2]["delta"]["stop_reason"] == "end_turn"


@pytest.mark.parametrize("text", ['"quoted"', "line\nend", "é✓\u2028", "\x00"])
def test_text_arrives_as_it_was_said(text: str) -> None:
    events = told(stream(), TextDelta(text), TextDelta(text), Finished("stop"), Completed())

    assert blocks(events) == [({"type": "text", "text": ""}, [text, text])]


def test_the_sign_of_life_is_a_ping() -> None:
    assert stream().keep_alive == PING == b'event: ping\ndata: {"type":"ping"}\n\n'


def test_the_prompts_tokens_are_told_first_where_they_are_known_first() -> None:
    encoder = stream()
    before = told(encoder, Started(), PromptRead(13, 12))
    after = told(encoder, TextDelta("a"), Finished("stop"), Usage(13, 1, 12), Completed())

    usage = before[0]["message"]["usage"]
    assert [event["type"] for event in before] == ["message_start"]
    assert (usage["input_tokens"], usage["cache_read_input_tokens"], usage["output_tokens"]) == (1, 12, 0)
    assert "passerelle" not in usage
    assert "message_start" not in {event["type"] for event in after}


def test_a_prompt_that_nobody_has_counted_is_estimated_and_says_so() -> None:
    events = told(stream(), TextDelta("a"), Finished("stop"), USAGE, Completed())

    usage = events[0]["message"]["usage"]
    assert usage["input_tokens"] > 7
    assert usage["passerelle"] == {"estimated": True}
    assert events[-2]["usage"]["input_tokens"] == 5


def test_an_answer_that_was_cut_here_has_an_estimate_of_what_the_backend_would_have_counted() -> None:
    guess = Usage(0, 2, figures=Figures("ollama", estimated=True))
    counted = Usage(9, 2, figures=Figures("ollama", estimated=True))

    delta = end(TextDelta("a"), Finished("stop", stop_text="zzz"), guess)
    after = end(PromptRead(9), TextDelta("a"), Finished("stop", stop_text="zzz"), counted)

    assert delta["usage"]["input_tokens"] > 0
    assert (delta["usage"]["output_tokens"], delta["usage"]["passerelle"]["estimated"]) == (2, True)
    assert after["usage"]["input_tokens"] == 9
    assert whole(TextDelta("a"), Finished("stop"), guess)["usage"]["input_tokens"] > 0


# -- whole answers --------------------------------------------------------------------------------


def test_a_whole_answer_has_its_blocks_in_order() -> None:
    written = whole(
        Started("up", 1, "other"),
        ReasoningDelta("Hm."),
        TextDelta("I "),
        TextDelta("look."),
        ToolCallDelta(1, '{"city":"Rome"}', "call_2", "weather"),
        ToolCallDelta(0, "", "call_1", "now"),
        Finished("tool_calls"),
        USAGE,
        request=asked(type="enabled", budget_tokens=1024),
    )

    assert written == {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "llama",
        "content": [
            {"type": "thinking", "thinking": "Hm.", "signature": sign("Hm.")},
            {"type": "text", "text": "I look."},
            {"type": "tool_use", "id": "call_1", "name": "now", "input": {}},
            {"type": "tool_use", "id": "call_2", "name": "weather", "input": {"city": "Rome"}},
        ],
        "stop_reason": "tool_use",
        "stop_sequence": None,
        "usage": COUNTED,
    }


def test_whole_answers_show_the_thinking_that_was_asked_for() -> None:
    said = (ReasoningDelta("Hm."), TextDelta("Yes."), Finished("stop"))
    text = {"type": "text", "text": "Yes."}

    sealed = whole(*said, request=asked(type="adaptive", display="omitted"))

    assert sealed["content"] == [{"type": "thinking", "thinking": "", "signature": seal("Hm.")}, text]
    assert whole(*said, request=asked(type="disabled"))["content"] == [text]
    assert whole(*said)["content"] == [text]


def test_a_whole_answer_with_a_call_without_sense_is_a_failure() -> None:
    with pytest.raises(BackendFailed, match="no JSON object"):
        whole(ToolCallDelta(0, '{"city": Oslo}', "call_1", "weather"), Finished("tool_calls"))


# -- listings -------------------------------------------------------------------------------------

MODELS = [Model(f"m{number}", "ollama", created=1_700_000_000, context_length=8192) for number in range(5)]


def listed(**query: str) -> tuple[list[str], bool]:
    page = json.loads(encode_models(MODELS, query))
    ids = [model["id"] for model in page["data"]]
    assert (page["first_id"], page["last_id"]) == ((ids[0], ids[-1]) if ids else (None, None))
    return ids, page["has_more"]


def test_a_model_is_listed_as_anthropic_describes_one() -> None:
    written = json.loads(encode_model(MODELS[0]))

    ModelInfo.model_validate(written)
    assert written == {
        "type": "model",
        "id": "m0",
        "display_name": "m0",
        "created_at": "2023-11-14T22:13:20Z",
        "lifecycle": "active",
        "max_input_tokens": 8192,
        "max_tokens": 8192,
    }


def test_models_come_in_pages_forwards_and_backwards() -> None:
    assert listed() == (["m0", "m1", "m2", "m3", "m4"], False)
    assert listed(limit="2") == (["m0", "m1"], True)
    assert listed(limit="2", after_id="m1") == (["m2", "m3"], True)
    assert listed(limit="2", after_id="m3") == (["m4"], False)
    assert listed(limit="2", after_id="m4") == ([], False)
    assert listed(limit="2", before_id="m4") == (["m2", "m3"], True)
    assert listed(limit="2", before_id="m2") == (["m0", "m1"], False)
    assert listed(limit="2", before_id="m0") == ([], False)


@pytest.mark.parametrize(
    ("name", "value"), [("limit", "0"), ("limit", "1001"), ("limit", "x"), ("limit", "9" * 5000), ("after_id", "m9")]
)
def test_a_page_that_cannot_be_is_refused(name: str, value: str) -> None:
    with pytest.raises(BadRequest) as caught:
        encode_models(MODELS, {name: value})

    assert caught.value.param == name


# -- errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "status", "type"),
    [
        (BadRequest("It is wrong.", "messages"), 400, "invalid_request_error"),
        (Unauthorized("No key."), 401, "authentication_error"),
        (Forbidden("No."), 403, "permission_error"),
        (ModelNotFound("No model."), 404, "not_found_error"),
        (MethodNotAllowed("No."), 405, "invalid_request_error"),
        (BodyTooLarge("Too large."), 413, "request_too_large"),
        (GatewayError("Slow down.", 429, "rate_limit_error", "rate_limit_exceeded"), 429, "rate_limit_error"),
        (GatewayError("A bug."), 500, "api_error"),
        (BackendFailed("It failed."), 502, "api_error"),
        (BackendUnavailable("It is not there."), 503, "api_error"),
        (BackendUnavailable("It is busy.", "backend_busy"), 529, "overloaded_error"),
        (BackendUnavailable("It loads.", "model_loading"), 529, "overloaded_error"),
        (BackendTimeout("It is silent."), 504, "timeout_error"),
    ],
)
def test_every_failure_has_a_status_and_a_type_of_anthropics(error: GatewayError, status: int, type: str) -> None:
    written = json.loads(encode_error(error, "req_1"))

    assert status_of(error) == status
    assert written["type"] == "error"
    assert (written["error"]["type"], written["error"]["message"]) == (type, error.message)
    assert written["error"]["details"]["error_code"] == error.code
    assert written["request_id"] == "req_1"


def test_a_refused_thread_has_the_details_that_make_an_sdk_do_without() -> None:
    written = json.loads(encode_error(thread_refused(), "req_1"))

    assert written["error"]["details"] == {"error_code": "thread_unsupported_request", "unsupported": ["thread"]}
