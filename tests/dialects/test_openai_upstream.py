from __future__ import annotations

import json
import math
from base64 import b64encode
from collections.abc import Callable
from struct import pack
from time import process_time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.backends.embedded import EMBEDDED
from backend.backends.lmstudio import ANSWERS, LMSTUDIO
from backend.dialects.chat import (
    Answer,
    ChatRequest,
    Completed,
    CompletionRequest,
    EmbeddingRequest,
    Failed,
    Finished,
    Image,
    Message,
    Residency,
    ResponseFormat,
    Sampling,
    Started,
    Text,
    TextDelta,
    Tool,
    ToolCall,
)
from backend.dialects.framing import LIMIT
from backend.dialects.openai.upstream.call import (
    RequestQuirks as Quirks,
)
from backend.dialects.openai.upstream.call import (
    encode_chat,
    encode_completion,
    encode_embeddings,
)
from backend.dialects.openai.upstream.decoder import OpenAIChatDecoder, OpenAICompletionDecoder
from backend.dialects.openai.upstream.failure import OPENAI_COMPATIBLE, decode_error
from backend.dialects.openai.upstream.vectors import decode_embeddings
from backend.errors import BackendFailed, GatewayError
from tests.dialects.upstream_cases import FRAME, assert_decodes, cases, decode, each_byte, recorded, shape, sse

SSE = "text/event-stream; charset=utf-8"
CHAT_STREAM = "upstream_llamacpp_chat_stream.sse"


# -- streams ------------------------------------------------------------------------------------


@cases("upstream_openai_chat_streams.json")
def test_a_chat_stream_becomes_its_events(case: dict[str, Any]) -> None:
    assert_decodes(OpenAIChatDecoder, SSE, sse(case["input"]), case["expect"])


@cases("upstream_openai_completion_streams.json")
def test_a_completion_stream_becomes_its_events(case: dict[str, Any]) -> None:
    assert_decodes(OpenAICompletionDecoder, SSE, sse(case["input"]), case["expect"])


@cases("upstream_openai_whole.json")
def test_a_whole_answer_to_a_request_for_a_stream_becomes_its_events(case: dict[str, Any]) -> None:
    body = json.dumps(case["input"]).encode()

    for pieces in ([body], each_byte(body)):
        events = decode(OpenAIChatDecoder(LMSTUDIO), "application/json; charset=utf-8", pieces)
        assert shape(events) == case["expect"]
        if "says" in case:
            assert isinstance(events[-1], Failed)
            assert case["says"] in events[-1].error.message


def test_a_recorded_chat_of_llamacpp_is_read_and_passed_on() -> None:
    body = recorded(CHAT_STREAM)
    expect = [
        ["started"],
        ["text", 0, " thatint millionay"],
        ["finished", 0, "length"],
        ["usage", {"input_tokens": 15, "output_tokens": 4, "cached_tokens": 14, "prompt_ms": 0.248, "eval_ms": 0.9}],
        ["completed"],
    ]
    assert_decodes(OpenAIChatDecoder, SSE, body, expect)

    started, *deltas, finished, _, _ = decode(OpenAIChatDecoder(), SSE, [body])

    assert isinstance(started, Started)
    assert (started.id, started.created) == ("chatcmpl-cvoNaZnFgg4XOverVwGkwLDopxMiaZAP", 1795256084)
    passed = [event.raw for event in (started, *deltas, finished) if isinstance(event, (Started, TextDelta, Finished))]
    assert passed == [line.removeprefix(b"data: ") for line in body.splitlines() if line][:6]


def test_a_recorded_completion_of_llamacpp_is_read_and_passed_on() -> None:
    body = recorded("upstream_llamacpp_completion_stream.sse")
    expect = [
        ["started"],
        ["text", 0, " between installed privatequest"],
        ["finished", 0, "length"],
        ["usage", {"input_tokens": 2, "output_tokens": 4, "cached_tokens": 1, "prompt_ms": 0.242, "eval_ms": 0.675}],
        ["completed"],
    ]
    assert_decodes(OpenAICompletionDecoder, SSE, body, expect)

    events = decode(OpenAICompletionDecoder(), SSE, [body])

    assert [event.raw is not None for event in events if isinstance(event, TextDelta)] == [True] * 4
    assert [event.raw for event in events if isinstance(event, Finished)] == [None]  # its chunk holds usage and timings


def test_timings_in_every_chunk_are_kept_from_the_client() -> None:
    events = decode(OpenAIChatDecoder(), SSE, [recorded("upstream_llamacpp_timings_stream.sse")])

    assert shape(events)[1] == ["text", 0, "Hello! How can I help you today?"]
    assert [event.raw for event in events if isinstance(event, TextDelta)] == [None] * 9
    assert isinstance(events[-1], Completed)


def test_a_recorded_answer_with_two_choices_has_two_finishes() -> None:
    events = decode(OpenAIChatDecoder(), "application/json", [recorded("upstream_llamacpp_chat_n2.json")])

    assert shape(events)[:5] == [
        ["started"],
        ["text", 0, " thatint"],
        ["finished", 0, "length"],
        ["text", 1, " thatint"],
        ["finished", 1, "length"],
    ]


def test_recorded_logprobs_come_with_their_text() -> None:
    events = decode(OpenAIChatDecoder(), "application/json", [recorded("upstream_llamacpp_chat_logprobs.json")])

    answer = Answer()
    for event in events:
        answer.add(event)
    assert [token["token"] for token in answer.choices[0].logprobs[0]["content"]] == [" that", "int"]


def test_each_truncation_of_a_recorded_chat_is_an_error_unless_its_finish_was_sent() -> None:
    body = recorded(CHAT_STREAM)
    finish = body.index(b'"finish_reason":"length"')
    finish_end = body.index(b"\n\n", finish)
    terminator = body.index(b"data: [DONE]")

    for cut in range(len(body)):
        broken = shape(decode(OpenAIChatDecoder(), SSE, [body[:cut]], is_whole=False))
        assert ["completed"] not in broken
        assert (["finished", 0, "length"] in broken) == (cut >= finish_end + 2)
        ended = shape(decode(OpenAIChatDecoder(), SSE, [body[:cut]]))
        assert ended[-1] in (["failed", "truncated"], ["completed"])
        assert (["finished", 0, "length"] in ended) == (cut >= finish_end)
        if cut < finish_end or finish_end + 8 < cut < terminator - 2:
            assert ended[-1] == ["failed", "truncated"]


# -- passing on ---------------------------------------------------------------------------------


def _chunk(delta: Any, reason: str | None = None, **more: Any) -> dict[str, Any]:
    return {**FRAME, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}], **more}


def _raws(*chunks: dict[str, Any]) -> list[bool]:
    """Whether each chunk after a clean beginning is passed on as it is."""
    decoder = OpenAIChatDecoder()
    decoder.begin(SSE)
    decoder.feed(sse([_chunk({"role": "assistant", "content": ""}), _chunk({"content": "a"})]))
    raws = []
    for chunk in chunks:
        body = sse([chunk])
        for event in decoder.feed(body):
            raw = getattr(event, "raw", None)
            assert raw is None or raw == body[6:-2]
            raws.append(raw is not None)
    return raws


CLEAN = [
    {"content": "b"},
    {"content": 'ünïcode ✓ " \\ \n <think> \u2028'},
    {"content": '"content": "c"'},
]
REPAIRED = {
    "usage": {"usage": {"prompt_tokens": 1}},
    "timings": {"timings": {"prompt_ms": 1}},
    "another id": {"id": "c2"},
    "another time": {"created": 1},
    "another model": {"model": "n"},
    "another object": {"object": "chat.completion"},
    "an unknown key": {"stats": {}},
    "no id": {"id": None},
}


@pytest.mark.parametrize("delta", CLEAN)
def test_a_chunk_of_text_alone_is_passed_on_as_it_is(delta: dict[str, Any]) -> None:
    assert _raws(_chunk(delta), _chunk({"content": "x"}), _chunk(delta)) == [True] * 3


@pytest.mark.parametrize("more", [{"usage": None}, {"service_tier": "default"}, {"system_fingerprint": None}])
def test_what_openai_itself_sends_is_passed_on(more: dict[str, Any]) -> None:
    assert _raws(_chunk({"content": "x"}, **more), _chunk({"content": "y"}, **more)) == [True, True]


@pytest.mark.parametrize("more", REPAIRED.values(), ids=REPAIRED)
def test_a_chunk_that_needs_repair_is_not_passed_on(more: dict[str, Any]) -> None:
    assert _raws(_chunk({"content": "x"}, **more), _chunk({"content": "y"})) == [False, True]


def test_a_choice_that_needs_repair_is_not_passed_on() -> None:
    unknown = {**FRAME, "choices": [{"index": 0, "delta": {"content": "x"}, "finish_reason": None, "text": "x"}]}
    no_reason = {**FRAME, "choices": [{"index": 0, "delta": {"content": "x"}}]}
    empty_reason = _chunk({"content": "x"}, "")
    with_role = _chunk({"role": "assistant", "content": "x"})
    with_null = _chunk({"content": "x", "reasoning_content": None})
    two = {**FRAME, "choices": [{"index": index, "delta": {"content": "x"}, "finish_reason": None} for index in (0, 1)]}

    assert _raws(unknown, no_reason, empty_reason, with_role, with_null) == [False] * 5
    assert _raws(two) == [False, False]


def test_a_finish_is_passed_on_only_where_it_says_what_it_should() -> None:
    assert _raws(_chunk({}, "stop")) == [True]
    assert _raws(_chunk({"content": ""}, "length")) == [True]
    assert _raws(_chunk({"content": "x"}, "stop")) == [False, False]
    assert _raws(_chunk({}, "eos")) == [False]
    assert _raws(_chunk({}, "stop", usage={"prompt_tokens": 1})) == [False]
    call = {"index": 0, "id": "a", "function": {"name": "f", "arguments": "{}"}}
    assert _raws(_chunk({"tool_calls": [call]}), _chunk({}, "stop")) == [False, False]
    assert _raws(_chunk({"tool_calls": [call]}), _chunk({}, "tool_calls")) == [False, True]


def test_a_clean_role_chunk_is_passed_on_and_no_other() -> None:
    def passed(chunk: dict[str, Any]) -> bytes | None:
        (started, *_) = decode(OpenAIChatDecoder(), SSE, [sse([chunk])], is_whole=False)
        assert isinstance(started, Started)
        return started.raw

    for content in (None, ""):
        chunk = _chunk({"role": "assistant", "content": content})
        assert passed(chunk) == json.dumps(chunk, ensure_ascii=False).encode()
    assert passed(_chunk({"role": "assistant"})) is not None
    assert passed(_chunk({"role": "assistant", "content": "x"})) is None
    assert passed(_chunk({"role": "user", "content": ""})) is None
    assert passed(_chunk({"role": "assistant", "content": ""}, usage={"prompt_tokens": 1})) is None
    assert passed({**_chunk({"role": "assistant", "content": ""}), "created": 1.5}) is None


def test_an_event_of_several_lines_is_not_passed_on() -> None:
    start = sse([_chunk({"role": "assistant", "content": ""}), _chunk({"content": "a"})])
    lines = json.dumps(_chunk({"content": "b"}), indent=1).encode().replace(b"\n", b"\ndata: ")

    events = decode(OpenAIChatDecoder(), SSE, [start, b"data: " + lines + b"\n\n"], is_whole=False)

    assert isinstance(events[-1], TextDelta)
    assert (events[-1].text, events[-1].raw) == ("b", None)


def test_a_named_error_that_looks_like_text_is_an_error() -> None:
    start = sse([_chunk({"role": "assistant", "content": ""}), _chunk({"content": "a"})])

    events = decode(OpenAIChatDecoder(), SSE, [start, sse([{"event": "error", "data": _chunk({"content": "b"})}])])

    assert shape(events)[-1] == ["failed", "backend_error"]


def test_logprobs_of_chat_are_kept_in_chat_and_in_raw() -> None:
    logprobs = {"content": [{"token": "b", "logprob": -1.0, "bytes": [98], "top_logprobs": []}]}
    chunk = _chunk({"content": "b"})
    chunk["choices"][0]["logprobs"] = logprobs

    events = decode(OpenAIChatDecoder(), SSE, [sse([_chunk({"content": "a"}), chunk, chunk])], is_whole=False)

    deltas = [event for event in events if isinstance(event, TextDelta)]
    assert [delta.logprobs for delta in deltas] == [None, logprobs, logprobs]
    assert all(delta.raw is not None for delta in deltas)


def test_logprobs_in_chats_form_are_not_passed_on_in_a_completion() -> None:
    def delta(logprobs: Any) -> TextDelta:
        choice = {"index": 0, "text": "b", "logprobs": logprobs, "finish_reason": None}
        body = sse([{**FRAME, "object": "text_completion", "choices": [choice]}])
        (_, event) = decode(OpenAICompletionDecoder(), SSE, [body], is_whole=False)
        assert isinstance(event, TextDelta)
        assert event.logprobs == logprobs
        return event

    assert delta({"content": []}).raw is None
    assert delta({"tokens": ["b"], "token_logprobs": [-1.0]}).raw is not None


# -- what is no stream --------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["text/html", "text/plain; charset=utf-8", "application/x-ndjson", ""])
def test_a_foreign_content_type_fails(kind: str) -> None:
    for pieces in ([b"<html>"], []):
        assert shape(decode(OpenAIChatDecoder(), kind, pieces)) == [["failed", "backend_error"]]


@pytest.mark.parametrize("body", [b"", b'{"choices":', b"<html>"])
def test_json_that_is_none_is_a_truncated_answer(body: bytes) -> None:
    assert shape(decode(OpenAIChatDecoder(), "application/json", [body])) == [["failed", "truncated"]]


def test_an_event_or_a_body_without_an_end_fails_at_the_limit() -> None:
    piece = b"x" * (LIMIT // 4)

    for kind in (SSE, "application/json"):
        events = decode(OpenAIChatDecoder(), kind, [b'data: {"choices":[]}\n\n', *[piece] * 5])
        assert shape(events)[-1] == ["failed", "backend_error"]


def test_lmstudios_empty_answer_is_an_overflow_where_that_is_asked_for() -> None:
    stop = sse([_chunk({"role": "assistant", "content": ""}), _chunk({}, "stop"), "[DONE]"])
    none = sse([_chunk({"role": "assistant", "content": ""}), "[DONE]"])

    for body in (stop, none):
        events = decode(OpenAIChatDecoder(LMSTUDIO, ANSWERS), SSE, [body])
        assert shape(events) == [["started"], ["failed", "context_length_exceeded"]]
    assert shape(decode(OpenAIChatDecoder(LMSTUDIO), SSE, [stop]))[-1] == ["completed"]


@pytest.mark.parametrize(
    "said",
    [
        {"content": " "},
        {"reasoning": "Hm"},
        {"tool_calls": [{"id": "a", "function": {"name": "f", "arguments": "{}"}}]},
    ],
)
def test_an_answer_with_anything_in_it_is_not_empty(said: dict[str, Any]) -> None:
    body = sse([_chunk(said), _chunk({}, "stop"), "[DONE]"])

    assert shape(decode(OpenAIChatDecoder(LMSTUDIO, ANSWERS), SSE, [body]))[-1] == ["completed"]


def test_ids_that_are_missing_differ_between_streams() -> None:
    def id_in(stream: str) -> str:
        call = {"index": 0, "function": {"name": "f", "arguments": "{}"}}
        (_, delta, *_) = shape(decode(OpenAIChatDecoder(), SSE, [sse([_chunk({"tool_calls": [call]}, id=stream)])]))
        return str(delta[3])

    assert id_in("c1") == id_in("c1")
    assert id_in("c1") != id_in("c2")


# -- hostile input ------------------------------------------------------------------------------

DECODERS: list[Callable[[], OpenAIChatDecoder]] = [OpenAIChatDecoder, OpenAICompletionDecoder]
KEYS = (
    "choices delta content index finish_reason tool_calls function id name usage error message text arguments logprobs "
    "reasoning timings created"
)
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats() | st.text(max_size=5) | st.just("stop"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS.split()), inner, max_size=4),
    max_leaves=20,
)


@given(st.lists(st.binary(max_size=200)), st.sampled_from([SSE, "application/json", "x"]))
def test_any_bytes_become_events_and_never_a_whole_answer(pieces: list[bytes], kind: str) -> None:
    for make in DECODERS:
        events = decode(make(), kind, pieces)
        assert isinstance(events[-1], Failed)


@given(st.lists(JUNK, max_size=5))
def test_any_json_becomes_events_that_end_once(said: list[Any]) -> None:
    for make in DECODERS:
        decoder = make()
        events = decode(decoder, SSE, [sse([_chunk({"content": "a"}), *said])])
        assert [isinstance(event, (Completed, Failed)) for event in events].count(True) == 1
        assert isinstance(events[-1], (Completed, Failed))
        assert decoder.feed(b"data: [DONE]\n\n") == []
        assert decoder.end() == []


@given(st.data())
def test_any_change_to_a_recorded_stream_becomes_events(data: st.DataObject) -> None:
    body = bytearray(recorded(CHAT_STREAM))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(body) - 1))
        body[place : place + data.draw(st.integers(0, 8))] = data.draw(st.binary(max_size=4))

    whole = decode(OpenAIChatDecoder(), SSE, [bytes(body)])
    cut = decode(OpenAIChatDecoder(), SSE, each_byte(bytes(body)))

    assert shape(whole) == shape(cut)


@pytest.mark.parametrize("piece", [" ", "<", "<think>", "</think", '"', "\\", "\n"])
def test_a_long_stream_costs_no_more_than_its_length(piece: str) -> None:
    event = sse([_chunk({"content": piece})])
    decoder = OpenAIChatDecoder()
    decoder.begin(SSE)
    started = process_time()

    decoder.feed(event * 8_000)
    for _ in range(8_000):
        decoder.feed(event)

    assert process_time() - started < 10


SERVERS = {"openai": OPENAI_COMPATIBLE, "lmstudio": LMSTUDIO, "embedded": EMBEDDED}

# -- errors -------------------------------------------------------------------------------------


@cases("upstream_openai_errors.json")
def test_a_servers_complaint_becomes_an_error_with_a_sentence_that_helps(case: dict[str, Any]) -> None:
    body = case["body"] if isinstance(case["body"], str) else json.dumps(case["body"])

    error = decode_error(case["status"], body.encode(), SERVERS[case["server"]])

    assert (error.code, error.status) == (case["code"], case["http"])
    assert error.param == case.get("param", error.param)
    assert case.get("says", "") in error.message
    assert error.should_retry == case.get("should_retry", error.should_retry)
    assert error.message.isprintable()
    assert len(error.message) < 450
    assert not any(secret in error.message for secret in ("sk-abc", "secret", "<html"))


def test_a_busy_server_tells_when_to_come_back() -> None:
    assert decode_error(429, b"").retry_after_s == 2
    assert decode_error(503, b'{"error":{"message":"Loading model"}}', EMBEDDED).retry_after_s == 5


@given(st.integers(100, 599), st.binary(max_size=300) | JUNK.map(lambda value: json.dumps(value).encode()))
def test_any_answer_becomes_an_error(status: int, body: bytes) -> None:
    error = decode_error(status, body)

    assert isinstance(error, GatewayError)
    assert 400 <= error.status < 600
    assert error.message.isprintable()


# -- embeddings ---------------------------------------------------------------------------------


def test_recorded_embeddings_are_read_as_floats_and_from_base64() -> None:
    floats = decode_embeddings(recorded("upstream_llamacpp_embeddings.json"), count=1)
    coded = decode_embeddings(recorded("upstream_llamacpp_embeddings_base64.json"))

    assert (len(floats.vectors[0]), floats.input_tokens) == (64, 2)
    assert floats.vectors[0][0] == 0.09267600625753403
    assert len(coded.vectors[0]) == 64
    assert math.isclose(coded.vectors[0][0], 0.11222457885742188)


def test_embeddings_come_in_the_order_of_their_index() -> None:
    def vectors(*entries: Any) -> Any:
        return decode_embeddings(json.dumps({"data": entries}).encode()).vectors

    assert vectors({"index": 1, "embedding": [1.5]}, {"index": 0, "embedding": [2]}) == ([2.0], [1.5])
    assert vectors({"embedding": [1]}, {"embedding": [2]}) == ([1.0], [2.0])
    assert vectors({"index": 0, "embedding": [1]}, {"index": 0, "embedding": [2]}) == ([1.0], [2.0])
    assert vectors() == ()


@pytest.mark.parametrize(
    "data",
    [
        None,
        {},
        [1],
        [{}],
        [{"embedding": None}],
        [{"embedding": []}],
        [{"embedding": ["1"]}],
        [{"embedding": [True]}],
        [{"embedding": [None]}],
        [{"embedding": "???"}],
        [{"embedding": b64encode(b"12345").decode()}],
        [{"embedding": b64encode(pack("<f", math.nan)).decode()}],
        [{"embedding": [1.0]}, {"embedding": [1.0, 2.0]}],
        [{"embedding": [10**400]}],
        [{"embedding": [1e308] * 2 + [-math.inf]}],
    ],
)
def test_embeddings_that_are_none_are_an_error(data: Any) -> None:
    with pytest.raises(BackendFailed):
        decode_embeddings(json.dumps({"data": data}).encode())


def test_fewer_embeddings_than_asked_for_are_an_error() -> None:
    with pytest.raises(BackendFailed):
        decode_embeddings(b'{"data":[{"embedding":[1.0]}]}', count=2)


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"{", b"<html>"])
def test_a_body_that_is_no_list_of_embeddings_is_an_error(body: bytes) -> None:
    with pytest.raises(BackendFailed):
        decode_embeddings(body)


def test_lmstudios_complaint_under_a_200_is_an_error_of_the_address() -> None:
    with pytest.raises(BackendFailed, match="LMSTUDIO_URL"):
        decode_embeddings(b'{"error":"Unexpected endpoint or method. (POST /embeddings)"}', LMSTUDIO)


# -- requests -----------------------------------------------------------------------------------

USER = Message("user", (Text("Hi"),))


def _chat(quirks: Quirks | None = None, **fields: Any) -> dict[str, Any]:
    request = ChatRequest(**{"model": "m", "messages": (USER,), **fields})
    body = json.loads(encode_chat(request) if quirks is None else encode_chat(request, quirks))
    assert isinstance(body, dict)
    assert None not in body.values()
    return body


def test_a_bare_chat_asks_for_a_stream_with_usage_and_nothing_else() -> None:
    assert _chat() == {
        "model": "m",
        "messages": [{"role": "user", "content": "Hi"}],
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_sampling_goes_down_by_its_names() -> None:
    sampling = Sampling(
        max_tokens=5,
        temperature=0.0,
        top_p=0.5,
        top_k=0,
        min_p=0.1,
        seed=7,
        stop=("a", "b"),
        presence_penalty=1.0,
        frequency_penalty=-1.0,
        repeat_penalty=1.1,
        logit_bias={"5": -100.0},
        logprobs=True,
        top_logprobs=3,
    )

    body = _chat(sampling=sampling, n=2, reasoning_effort="low")

    expect = {"max_tokens": 5, "temperature": 0.0, "top_p": 0.5, "top_k": 0, "min_p": 0.1, "seed": 7, "n": 2}
    expect |= {"stop": ["a", "b"], "presence_penalty": 1.0, "frequency_penalty": -1.0, "repeat_penalty": 1.1}
    expect |= {"logit_bias": {"5": -100.0}, "logprobs": True, "top_logprobs": 3, "reasoning_effort": "low"}
    assert {name: body[name] for name in expect} == expect
    named = _chat(
        Quirks(max_tokens_name="max_completion_tokens", repeat_penalty_names=("repeat_penalty", "repetition_penalty")),
        sampling=sampling,
    )
    assert "max_tokens" not in named
    assert (named["max_completion_tokens"], named["repetition_penalty"], named["repeat_penalty"]) == (5, 1.1, 1.1)


def test_logprobs_without_alternatives_send_no_count() -> None:
    body = _chat(sampling=Sampling(logprobs=True))

    assert body["logprobs"] is True
    assert "top_logprobs" not in body


def test_a_conversation_goes_down_with_its_parts_and_calls() -> None:
    messages = (
        Message("system", (Text("Be"), Text("brief"))),
        Message("user", (Text("What?"), Image("image/png", "aWNv")), name="ann"),
        Message("assistant", tool_calls=(ToolCall("c1", "f", '{"a":1}'),), reasoning="Hm"),
        Message("tool", (Text("42"),), tool_call_id="c1"),
        Message("assistant"),
    )

    assert _chat(messages=messages)["messages"] == [
        {"role": "system", "content": "Be\nbrief"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "What?"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,aWNv"}},
            ],
            "name": "ann",
        },
        {
            "role": "assistant",
            "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}],
            "reasoning_content": "Hm",
        },
        {"role": "tool", "content": "42", "tool_call_id": "c1"},
        {"role": "assistant", "content": ""},
    ]


def test_system_messages_are_merged_where_a_template_wants_one() -> None:
    messages = (USER, Message("system", (Text("A"),)), USER, Message("system", (Text("B"),)))

    merged = _chat(Quirks(merge_system=True), messages=messages)["messages"]

    assert [(message["role"], message["content"]) for message in merged] == [
        ("system", "A\n\nB"),
        ("user", "Hi"),
        ("user", "Hi"),
    ]
    assert [message["role"] for message in _chat(messages=messages)["messages"]] == ["user", "system", "user", "system"]
    assert len(_chat(Quirks(merge_system=True))["messages"]) == 1


def test_tools_go_down_without_nulls() -> None:
    schema = {"type": "object", "properties": {"city": {"type": "string"}}}
    tools = (Tool("f", "Finds", schema, strict=True), Tool("g"))

    body = _chat(tools=tools, tool_choice="auto", parallel_tool_calls=False)

    assert body["tools"] == [
        {"type": "function", "function": {"name": "f", "description": "Finds", "parameters": schema, "strict": True}},
        {"type": "function", "function": {"name": "g", "parameters": {"type": "object", "properties": {}}}},
    ]
    assert (body["tool_choice"], body["parallel_tool_calls"]) == ("auto", False)
    assert "tools" not in _chat(tool_choice="auto")


def test_a_named_tool_is_named_or_the_only_one_and_required() -> None:
    fields: dict[str, Any] = {"tools": (Tool("f"), Tool("g")), "tool_choice": ("named", "g")}

    assert _chat(**fields)["tool_choice"] == {"type": "function", "function": {"name": "g"}}
    body = _chat(Quirks(named_tool_as_required=True), **fields)
    assert body["tool_choice"] == "required"
    assert [tool["function"]["name"] for tool in body["tools"]] == ["g"]


def test_a_response_format_goes_down_as_the_server_knows_it() -> None:
    quirks = Quirks(json_object_as_schema=True)
    schema = ResponseFormat("json_schema", "s", {"type": "array"}, strict=True)

    assert _chat(response_format=ResponseFormat("json_object"))["response_format"] == {"type": "json_object"}
    permissive = _chat(quirks, response_format=ResponseFormat("json_object"))["response_format"]
    assert permissive == {"type": "json_schema", "json_schema": {"name": "object", "schema": {"type": "object"}}}
    for written in (_chat(response_format=schema), _chat(quirks, response_format=schema)):
        assert written["response_format"]["json_schema"] == {"name": "s", "schema": {"type": "array"}, "strict": True}


@pytest.mark.parametrize(
    ("fields", "effort", "kwargs"),
    [
        ({}, None, None),
        ({"think": True}, None, {"enable_thinking": True}),
        ({"think": False}, "none", {"enable_thinking": False}),
        ({"think": "high"}, "high", {"enable_thinking": True}),
        ({"reasoning_effort": "none"}, "none", {"enable_thinking": False}),
        ({"reasoning_effort": "low"}, "low", {"enable_thinking": True}),
        ({"reasoning_effort": "low", "think": False}, "low", {"enable_thinking": True}),
    ],
)
def test_the_switch_for_thinking_goes_where_the_server_has_it(fields: Any, effort: Any, kwargs: Any) -> None:
    assert _chat(**fields).get("reasoning_effort") == effort
    body = _chat(Quirks(thinking="chat_template_kwargs"), **fields)
    assert body.get("chat_template_kwargs") == kwargs
    assert body.get("reasoning_effort") == (None if effort == "none" else effort)


@pytest.mark.parametrize(
    ("residency", "ttl"),
    [
        (Residency(), None),
        (Residency(ttl=60, keep_alive="10m"), 60),
        (Residency(keep_alive="1h10m"), 4200),
        (Residency(keep_alive=".5s"), 1),
        (Residency(keep_alive=30.5), 31),
        (Residency(keep_alive=0), None),
        (Residency(keep_alive=-1), None),
        (Residency(keep_alive="-1s"), None),
        (Residency(keep_alive="0"), None),
        (Residency(options={"num_ctx": 4096}), None),
    ],
)
def test_a_ttl_is_sent_to_servers_that_know_it_alone(residency: Residency, ttl: int | None) -> None:
    assert _chat(Quirks(sends_ttl=True), residency=residency).get("ttl") == ttl
    body = _chat(residency=residency)
    assert not {"ttl", "keep_alive", "options"} & body.keys()


def test_a_completion_asks_for_a_stream_with_usage() -> None:
    def completion(**fields: Any) -> Any:
        return json.loads(encode_completion(CompletionRequest("m", "Once", **fields)))

    asked = {"model": "m", "prompt": "Once", "stream": True, "stream_options": {"include_usage": True}}
    assert completion() == asked
    assert completion(suffix="end", sampling=Sampling(logprobs=True, top_logprobs=0))["logprobs"] == 1
    assert completion(sampling=Sampling(logprobs=True, top_logprobs=4))["logprobs"] == 4


def test_embeddings_are_asked_for_as_floats() -> None:
    request = EmbeddingRequest("m", ("a", "b"), dimensions=8, encoding_format="base64", residency=Residency(ttl=9))

    asked = {"model": "m", "input": ["a", "b"], "dimensions": 8, "encoding_format": "float"}
    assert json.loads(encode_embeddings(request)) == asked
    assert json.loads(encode_embeddings(request, Quirks(sends_ttl=True))) == {**asked, "ttl": 9}
