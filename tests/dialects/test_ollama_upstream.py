from __future__ import annotations

import json
from time import process_time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.dialects.chat import (
    ChatRequest,
    Completed,
    CompletionRequest,
    EmbeddingRequest,
    Failed,
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
from backend.dialects.ollama.upstream.call import encode_chat, encode_completion, encode_embeddings, unheeded
from backend.dialects.ollama.upstream.decoder import OllamaDecoder, decode_embeddings
from backend.dialects.ollama.upstream.failure import decode_error
from backend.errors import BackendFailed, BadRequest, GatewayError, ModelNotFound, Unsupported
from tests.captures import read
from tests.dialects.upstream_cases import assert_decodes, cases, decode, each_byte, ndjson, shape

NDJSON = "application/x-ndjson"
TIME = "2026-11-21T10:00:00.123456789Z"


def _line(
    content: str = "", *, done: bool = False, message: dict[str, Any] | None = None, **more: Any
) -> dict[str, Any]:
    said = {"role": "assistant", "content": content, **(message or {})}
    return {"model": "llama3.2:latest", "created_at": TIME, "message": said, "done": done, **more}


STREAM = ndjson(
    [
        _line(message={"thinking": "Hm"}),
        _line("Hel"),
        _line("lo"),
        _line(message={"tool_calls": [{"id": "a", "function": {"index": 0, "name": "f", "arguments": {"x": "é"}}}]}),
        _line(done=True, done_reason="stop", prompt_eval_count=26, eval_count=3, eval_duration=59_709_000),
    ]
)


# -- streams ------------------------------------------------------------------------------------


@cases("upstream_ollama_chat_streams.json")
def test_a_chat_stream_becomes_its_events(case: dict[str, Any]) -> None:
    assert_decodes(OllamaDecoder, NDJSON, ndjson(case["input"]), case["expect"])


@cases("upstream_ollama_completion_streams.json")
def test_a_completion_stream_becomes_its_events(case: dict[str, Any]) -> None:
    assert_decodes(lambda: OllamaDecoder("completion"), NDJSON, ndjson(case["input"]), case["expect"])


CITY = '{"city":"Paris"}'
THOUGHT = "The user wants the weather.\n"
REAL: list[tuple[str, list[Any]]] = [
    ("chat_10_utf8_cut_in_tokens", [["text", 0, "Café 🌉: 日本 a\u0301."], ["finished", 0, "stop"]]),
    (
        "chat_11_think_default_stream",
        [["reasoning", 0, THOUGHT], ["text", 0, "It is sunny in Paris."], ["finished", 0, "stop"]],
    ),
    (
        "chat_16_tools_stream",
        [
            ["reasoning", 0, "I need a tool.\n"],
            ["tool", 0, 0, "07VWYthXB0WNesOqRirNaIrzCvMqzPSj", "get_weather", CITY],
            ["finished", 0, "tool_calls"],
        ],
    ),
    (
        "chat_18_tools_two_calls",
        [
            ["text", 0, " "],
            ["tool", 0, 0, "FU9RX3T6P1meing76D8XHL5YVWRbtMWr", "get_weather", '{"city":"Lyon"}'],
            ["tool", 0, 1, "Eugl2zYAgIv0hjoDNMJ7Rs8aIAZvKAov", "get_time", "{}"],
            ["finished", 0, "tool_calls"],
        ],
    ),
    (
        "chat_23_rendered_think_stream",
        [["reasoning", 0, THOUGHT], ["text", 0, "It is sunny in Paris."], ["finished", 0, "stop"]],
    ),
    (
        "chat_24_rendered_tools_stream",
        [["tool", 0, 0, "call_emgaedi5", "get_weather", CITY], ["finished", 0, "tool_calls"]],
    ),
    ("chat_26_rendered_repeat_no_done", [["text", 0, "la " * 31], ["finished", 0, "length"]]),
    ("chat_28_native_repeat", [["text", 0, "la " * 60], ["finished", 0, "length"]]),
]


@pytest.mark.parametrize(("name", "said"), REAL, ids=[name for name, _ in REAL])
def test_what_a_real_ollama_sent_becomes_its_events(name: str, said: list[Any]) -> None:
    answer = read(name)

    for pieces in ([answer.body], each_byte(answer.body)):
        events = shape(decode(OllamaDecoder(), answer.content_type, pieces))
        assert [event for event in events if event[0] != "usage"] == [["started"], *said, ["completed"]]


@pytest.mark.parametrize(
    ("pieces", "is_whole"),
    [
        (["la "] * 30, True),
        (["la "] * 29, False),
        (["Sing", *["la ", " la", "la\n"] * 10], True),
        (["A", *["\n", " ", "\n\n"] * 10], True),
        ([*["la "] * 30, "lo"], False),
        (["=" * 100], True),
        (["He sang: " + "tra la " * 30], True),
        (["He sang: " + "tra la " * 29], False),
        ([], False),
    ],
)
def test_only_thirty_pieces_alike_make_a_proper_end_without_done_an_end(pieces: list[str], is_whole: bool) -> None:
    body = ndjson([_line(piece) for piece in pieces])

    framed = shape(decode(OllamaDecoder(), NDJSON, [body]))
    decoder = OllamaDecoder()
    decode(decoder, NDJSON, [body], is_whole=False)

    assert framed[-2:] == [["finished", 0, "length"], ["completed"]] if is_whole else framed[-1][0] == "failed"
    assert shape(decoder.end(is_framed=False)) == [["failed", "truncated"]]


def test_thoughts_that_go_round_in_circles_end_as_well() -> None:
    body = ndjson([_line(message={"thinking": "Wait"})] * 31)

    assert shape(decode(OllamaDecoder(), NDJSON, [body]))[-2:] == [["finished", 0, "length"], ["completed"]]


def test_the_first_event_tells_model_and_time() -> None:
    started, delta, *_ = decode(OllamaDecoder(), NDJSON, [ndjson([_line("A"), _line("B")])])

    assert started == Started(None, 1795255200, "llama3.2:latest")
    assert delta == TextDelta("A")


@pytest.mark.parametrize("time", [None, 5, "", "yesterday", "9999999-01-01T00:00:00Z"])
def test_a_time_that_is_none_is_left_out(time: Any) -> None:
    (started, *_) = decode(OllamaDecoder(), NDJSON, [ndjson([{**_line("A"), "created_at": time, "model": 5}])])

    assert started == Started()


def test_one_object_without_a_newline_is_a_whole_answer() -> None:
    body = json.dumps(_line("Hello", done=True, done_reason="stop")).encode()

    for pieces in ([body], each_byte(body)):
        events = shape(decode(OllamaDecoder(), "application/json; charset=utf-8", pieces))
        assert events[1:3] == [["text", 0, "Hello"], ["finished", 0, "stop"]]
        assert events[-1] == ["completed"]


def test_each_truncation_of_a_stream_is_an_error_until_its_last_line_is_whole() -> None:
    for cut in range(len(STREAM)):
        broken = decode(OllamaDecoder(), NDJSON, [STREAM[:cut]], is_whole=False)
        assert not any(event[0] in ("finished", "completed") for event in shape(broken))
        ended = shape(decode(OllamaDecoder(), NDJSON, [STREAM[:cut]]))
        is_last_line_whole = cut == len(STREAM) - 1
        assert ended[-1] == (["completed"] if is_last_line_whole else ["failed", "truncated"])
        assert any(event[0] == "finished" for event in ended) == is_last_line_whole


def test_ids_that_are_missing_are_made_of_the_seed_and_differ_between_streams() -> None:
    def id_in(decoder: OllamaDecoder, time: str) -> str:
        call = {"function": {"name": "f", "arguments": {}}}
        body = ndjson([{**_line(message={"tool_calls": [call]}), "created_at": time}])
        (_, delta, *_) = shape(decode(decoder, NDJSON, [body]))
        return str(delta[3])

    assert id_in(OllamaDecoder("chat", "s"), TIME) == "call_s_0"
    assert id_in(OllamaDecoder(), TIME) == id_in(OllamaDecoder(), TIME)
    assert id_in(OllamaDecoder(), TIME) != id_in(OllamaDecoder(), "2026-11-21T10:00:00.2Z")


def test_logprobs_become_openais() -> None:
    told = {"token": "é", "logprob": -0.5, "bytes": [195, 169], "top_logprobs": [{"token": "e", "logprob": -1}, 7]}
    untold = {"token": "✓", "logprob": -2}

    body = ndjson(
        [_line("é✓", logprobs=[told, untold, 5, {"token": 1}]), _line("", logprobs=[untold]), _line("x", logprobs=5)]
    )
    _, first, second, third, *_ = decode(OllamaDecoder(), NDJSON, [body])

    checked = {"token": "✓", "logprob": -2, "bytes": [226, 156, 147], "top_logprobs": []}
    assert isinstance(first, TextDelta)
    assert first.logprobs == {
        "content": [
            {**told, "top_logprobs": [{"token": "e", "logprob": -1, "bytes": [101]}]},
            checked,
        ]
    }
    assert second == TextDelta("", 0, {"content": [checked]})
    assert third == TextDelta("x")


@pytest.mark.parametrize("kind", ["text/html", "text/plain; charset=utf-8", "text/event-stream", ""])
def test_a_foreign_content_type_fails(kind: str) -> None:
    for pieces in ([b"404 page not found"], []):
        (failed,) = decode(OllamaDecoder(), kind, pieces)
        assert isinstance(failed, Failed)
        assert "OLLAMA_URL" in failed.error.message


def test_a_line_without_an_end_fails_at_the_limit() -> None:
    piece = b"x" * (LIMIT // 4)

    events = decode(OllamaDecoder(), NDJSON, [ndjson([_line("A")]), *[piece] * 5])

    assert shape(events) == [["started"], ["text", 0, "A"], ["failed", "backend_error"]]


# -- hostile input ------------------------------------------------------------------------------

KEYS = "message content role thinking tool_calls function name arguments id done done_reason error response logprobs"
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS.split()), inner, max_size=4),
    max_leaves=20,
)


@given(st.lists(st.binary(max_size=200)), st.sampled_from([NDJSON, "application/json", "x"]))
def test_any_bytes_become_events_and_never_a_whole_answer(pieces: list[bytes], kind: str) -> None:
    for decoder in (OllamaDecoder("chat"), OllamaDecoder("completion")):
        assert isinstance(decode(decoder, kind, pieces)[-1], Failed)


@given(st.lists(JUNK, max_size=5))
def test_any_json_becomes_events_that_end_once(said: list[Any]) -> None:
    for decoder in (OllamaDecoder("chat"), OllamaDecoder("completion")):
        lines = [said_ for said_ in said if not isinstance(said_, str)]
        events = decode(decoder, NDJSON, [ndjson([_line("a"), *lines])])
        assert [isinstance(event, (Completed, Failed)) for event in events].count(True) == 1
        assert isinstance(events[-1], (Completed, Failed))
        assert decoder.feed(ndjson([_line(done=True)])) == []
        assert decoder.end() == []


@given(st.data())
def test_any_change_to_a_stream_becomes_the_same_events_however_it_is_cut(data: st.DataObject) -> None:
    body = bytearray(STREAM)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(body) - 1))
        body[place : place + data.draw(st.integers(0, 8))] = data.draw(st.binary(max_size=4))

    whole = decode(OllamaDecoder(), NDJSON, [bytes(body)])
    cut = decode(OllamaDecoder(), NDJSON, each_byte(bytes(body)))

    assert shape(whole) == shape(cut)


@pytest.mark.parametrize("piece", [" ", "<", "<think>", "</think", '"', "\n"])
def test_a_long_stream_costs_no_more_than_its_length(piece: str) -> None:
    line = ndjson([_line(piece)])
    decoder = OllamaDecoder()
    decoder.begin(NDJSON)
    started = process_time()

    decoder.feed(line * 8_000)
    for _ in range(8_000):
        decoder.feed(line)

    assert process_time() - started < 10


# -- errors and embeddings ----------------------------------------------------------------------


@cases("upstream_ollama_errors.json")
def test_ollamas_complaint_becomes_an_error_with_a_sentence_that_helps(case: dict[str, Any]) -> None:
    body = case["body"] if isinstance(case["body"], str) else json.dumps(case["body"])

    error = decode_error(case["status"], body.encode())

    assert (error.code, error.status) == (case["code"], case["http"])
    assert error.param == case.get("param", error.param)
    assert case.get("says", "") in error.message
    assert error.should_retry == case.get("should_retry", error.should_retry)
    assert error.message.isprintable()
    assert "signin_url" not in error.message
    assert "abc" not in error.message


@pytest.mark.parametrize(
    ("name", "code", "param", "says"),
    [
        ("errors_09_temperature_string", "invalid_request", "options.temperature", "float32"),
        ("errors_15_tools_schema_bool_property", "invalid_request", "tools", "cannot read these tools"),
        ("errors_16_image_unsupported", "unsupported", "images", "vision model"),
        ("errors_17_image_unsupported_native", "unsupported", "images", "vision model"),
        ("errors_21_too_long_refused", "context_length_exceeded", "messages", "8120 tokens"),
        ("errors_28_format_number", "invalid_request", "response_format", "JSON Schema"),
        ("errors_29_schema_broken", "invalid_request", "response_format", "JSON schema conversion failed"),
        ("embed_07_too_long_refused", "context_length_exceeded", "messages", "prompt is too long"),
        ("embed_08_chat_model", "unsupported", "model", "ollama pull nomic-embed-text"),
    ],
)
def test_what_a_real_ollama_refuses_is_the_callers_to_mend(name: str, code: str, param: str, says: str) -> None:
    answer = read(name)

    error = decode_error(answer.status, answer.body)

    assert (error.status, error.code, error.param) == (400, code, param)
    assert says in error.message


@given(st.integers(100, 599), st.binary(max_size=300) | JUNK.map(lambda value: json.dumps(value).encode()))
def test_any_answer_becomes_an_error(status: int, body: bytes) -> None:
    error = decode_error(status, body)

    assert isinstance(error, GatewayError)
    assert 400 <= error.status < 600
    assert error.message.isprintable()


def test_embeddings_are_read_with_their_count() -> None:
    body = json.dumps({"model": "m", "embeddings": [[0.5, 1], [-1.0, 0.0]], "prompt_eval_count": 4}).encode()

    embeddings = decode_embeddings(body, count=2)

    assert embeddings.vectors == ([0.5, 1.0], [-1.0, 0.0])
    assert embeddings.input_tokens == 4


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b"<html>",
        b'{"embeddings":{}}',
        b'{"embeddings":[1]}',
        b'{"embeddings":[[]]}',
        b'{"embeddings":[["1"]]}',
        b'{"embeddings":[[1.0],[1.0,2.0]]}',
        b'{"embeddings":[[1e999]]}',
        b'{"embeddings":[[1.0],[2.0],[3.0]]}',
    ],
)
def test_embeddings_that_are_none_are_an_error(body: bytes) -> None:
    with pytest.raises(BackendFailed):
        decode_embeddings(body, count=2)


def test_a_complaint_under_a_200_is_an_error() -> None:
    with pytest.raises(ModelNotFound, match="ollama pull x"):
        decode_embeddings(b'{"error":"model \'x\' not found"}')


# -- requests -----------------------------------------------------------------------------------

USER = Message("user", (Text("Hi"),))


def _chat(can_think: bool | None = None, **fields: Any) -> dict[str, Any]:
    body = json.loads(encode_chat(ChatRequest(**{"model": "m", "messages": (USER,), **fields}), can_think=can_think))
    assert isinstance(body, dict)
    assert None not in body.values()
    return body


def _completion(**fields: Any) -> dict[str, Any]:
    body = json.loads(encode_completion(CompletionRequest("m", "Once", **fields)))
    assert isinstance(body, dict)
    return body


def test_a_bare_chat_leaves_the_models_own_settings_alone() -> None:
    messages = [{"role": "user", "content": "Hi"}]
    assert _chat() == {"model": "m", "messages": messages, "stream": True, "truncate": False}


def test_sampling_goes_into_the_options_and_wins_over_them() -> None:
    sampling = Sampling(5, 0.0, 0.5, 0, 0.1, 7, ("a", "b"), 1.0, -1.0, 1.1, None, True, 3)
    residency = Residency(options={"num_ctx": 8192, "temperature": 0.9, "mirostat": 1})

    body = _chat(sampling=sampling, residency=residency)

    assert body["options"] == {
        "num_ctx": 8192,
        "mirostat": 1,
        "num_predict": 5,
        "temperature": 0.0,
        "top_p": 0.5,
        "top_k": 0,
        "min_p": 0.1,
        "seed": 7,
        "stop": ["a", "b"],
        "presence_penalty": 1.0,
        "frequency_penalty": -1.0,
        "repeat_penalty": 1.1,
    }
    assert (body["logprobs"], body["top_logprobs"]) == (True, 3)
    assert "shift" not in body  # it would make Ollama load the model anew


@pytest.mark.parametrize(
    ("residency", "keep_alive"),
    [
        (Residency(), None),
        (Residency("10m"), "10m"),
        (Residency("300"), 300),
        (Residency("-1"), -1),
        (Residency("0.5"), 0.5),
        (Residency(0), 0),
        (Residency(-1), -1),
        (Residency(ttl=60), 60),
        (Residency("5m", ttl=60), "5m"),
    ],
)
def test_keep_alive_is_said_so_that_ollama_takes_it(residency: Residency, keep_alive: Any) -> None:
    assert _chat(residency=residency).get("keep_alive") == keep_alive
    assert _completion(residency=residency).get("keep_alive") == keep_alive
    embed = json.loads(encode_embeddings(EmbeddingRequest("m", ("a",), residency=residency)))
    assert embed.get("keep_alive") == keep_alive


def test_a_conversation_goes_down_with_its_images_and_calls() -> None:
    messages = (
        Message("user", (Text("What"), Image("image/png", "aWNv"), Text("is it?"))),
        Message("assistant", tool_calls=(ToolCall("c1", "f", '{"a":1}'), ToolCall("c2", "g", "")), reasoning="Hm"),
        Message("tool", (Text("42"),), tool_call_id="c2"),
        Message("tool", (Text("43"),), name="f"),
        Message("tool", (Text("44"),), tool_call_id="unknown"),
    )

    assert _chat(messages=messages)["messages"] == [
        {"role": "user", "content": "What\nis it?", "images": ["aWNv"]},
        {
            "role": "assistant",
            "content": "",
            "thinking": "Hm",
            "tool_calls": [
                {"id": "c1", "function": {"index": 0, "name": "f", "arguments": {"a": 1}}},
                {"id": "c2", "function": {"index": 1, "name": "g", "arguments": {}}},
            ],
        },
        {"role": "tool", "content": "42", "tool_name": "g", "tool_call_id": "c2"},
        {"role": "tool", "content": "43", "tool_name": "f"},
        {"role": "tool", "content": "44", "tool_call_id": "unknown"},
    ]


@pytest.mark.parametrize("arguments", ["{", "[1]", "5", '{"city": "Par', "{}{}", '{"a":' * 300 + "1" + "}" * 300])
def test_arguments_that_are_no_object_stay_readable_as_the_one_argument(arguments: str) -> None:
    (message,) = _chat(messages=(Message("assistant", tool_calls=(ToolCall("c", "f", arguments),)),))["messages"]

    assert message["tool_calls"][0]["function"]["arguments"] == {"arguments": arguments}


@pytest.mark.parametrize(
    ("fields", "can_think", "think"),
    [
        ({}, None, None),
        ({}, True, None),
        ({"think": True}, None, True),
        ({"think": False}, None, False),
        ({"think": "max"}, None, "max"),
        ({"think": True, "reasoning_effort": "none"}, None, True),
        ({"reasoning_effort": "none"}, None, False),
        ({"reasoning_effort": "minimal"}, None, "low"),
        ({"reasoning_effort": "high"}, True, "high"),
        ({"reasoning_effort": "xhigh"}, None, "max"),
        ({"reasoning_effort": "ultra"}, True, "max"),
        ({"reasoning_effort": "high"}, False, None),
        ({"think": True}, False, True),
    ],
)
def test_thinking_is_switched_only_where_the_caller_said_so(fields: Any, can_think: bool | None, think: Any) -> None:
    assert _chat(can_think, **fields).get("think") == think


def test_an_effort_that_nobody_knows_is_the_callers_fault() -> None:
    with pytest.raises(BadRequest):
        _chat(reasoning_effort="heroic")


def test_a_response_format_goes_down_as_ollama_knows_it() -> None:
    assert _chat(response_format=ResponseFormat("json_object"))["format"] == "json"
    schema = {"type": "object", "properties": {}}
    assert _chat(response_format=ResponseFormat("json_schema", "s", schema))["format"] == schema


def test_tools_go_down_and_a_choice_among_them_leaves_the_others_out() -> None:
    schema = {"type": "object", "properties": {"city": {"type": "string"}}}
    tools = (Tool("f", "Finds", schema, strict=True), Tool("g"))

    def names(choice: Any) -> list[str]:
        return [tool["function"]["name"] for tool in _chat(tools=tools, tool_choice=choice).get("tools", [])]

    assert _chat(tools=tools)["tools"] == [
        {"type": "function", "function": {"name": "f", "description": "Finds", "parameters": schema}},
        {
            "type": "function",
            "function": {"name": "g", "description": "", "parameters": {"type": "object", "properties": {}}},
        },
    ]
    assert names("none") == []
    assert names("auto") == names("required") == names(None) == ["f", "g"]
    assert names(("named", "g")) == ["g"]


@pytest.mark.parametrize(
    ("schema", "written"),
    [
        (None, {"type": "object", "properties": {}}),
        ({}, {"type": "object", "properties": {}}),
        ({"properties": {"x": True}}, {"type": "object", "properties": {"x": {}}}),
        ({"type": ["object", "null"], "properties": {}}, {"type": "object", "properties": {}}),
        ({"type": "", "properties": None, "required": True}, {"type": "object", "properties": {}}),
        (
            {"type": "object", "required": ["x", 5], "properties": {"x": {"type": "", "required": True, "enum": 7}}},
            {"type": "object", "required": ["x"], "properties": {"x": {}}},
        ),
        (
            {"properties": {"x": {"anyOf": [True, {"type": "string", "description": 5}], "items": True}}},
            {"type": "object", "properties": {"x": {"anyOf": [{}, {"type": "string"}], "items": True}}},
        ),
        (
            {"properties": {"x": {"type": "object", "properties": {"y": False, "z": {"type": ["string", None]}}}}},
            {
                "type": "object",
                "properties": {"x": {"type": "object", "properties": {"y": {}, "z": {"type": ["string"]}}}},
            },
        ),
        ({"properties": [], "$defs": {"a": True}}, {"type": "object", "properties": {}, "$defs": {"a": True}}),
    ],
)
def test_a_tools_schema_holds_nothing_that_ollama_cannot_read(schema: Any, written: Any) -> None:
    (tool,) = _chat(tools=(Tool("f", "Finds", schema),))["tools"]

    assert tool["function"]["parameters"] == written


def test_what_ollama_cannot_promise_is_told() -> None:
    def told(**fields: Any) -> tuple[str, ...]:
        return unheeded(ChatRequest("m", (USER,), **{"tools": (Tool("f"),), **fields}))

    assert told(tool_choice="required") == ("tool_choice",)
    assert told(tool_choice=("named", "f"), parallel_tool_calls=False) == ("tool_choice", "parallel_tool_calls")
    assert told(tool_choice="auto", parallel_tool_calls=True) == ()
    assert told(tools=(), tool_choice="required", parallel_tool_calls=False) == ()
    assert told(residency=Residency(ttl=60)) == ()
    assert told(residency=Residency("5m", ttl=60)) == ("ttl",)


@pytest.mark.parametrize(
    ("fields", "param"), [({"n": 2}, "n"), ({"sampling": Sampling(logit_bias={"5": 1.0})}, "logit_bias")]
)
def test_what_ollama_cannot_do_is_refused(fields: dict[str, Any], param: str) -> None:
    for encode in (_chat, _completion):
        with pytest.raises(Unsupported) as caught:
            encode(**fields)
        assert caught.value.param == param


def test_a_completion_keeps_the_template_and_does_not_think() -> None:
    bare = {"model": "m", "prompt": "Once", "stream": True, "truncate": False, "think": False}
    assert _completion() == bare
    body = _completion(suffix="end", sampling=Sampling(max_tokens=3, logprobs=True))
    assert body == {**bare, "suffix": "end", "options": {"num_predict": 3}, "logprobs": True}


def test_embeddings_are_asked_for_whole() -> None:
    request = EmbeddingRequest("m", ("a", "b"), dimensions=8, residency=Residency(options={"num_ctx": 512}))

    assert json.loads(encode_embeddings(request)) == {
        "model": "m",
        "input": ["a", "b"],
        "truncate": False,
        "dimensions": 8,
        "options": {"num_ctx": 512},
    }
