"""Replies in OpenAI's dialect: streams event by event, whole answers, embeddings, listings, errors."""

from __future__ import annotations

import base64
import json
import struct
from array import array
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types import Completion, CreateEmbeddingResponse
from openai.types import Model as OpenAIModel
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from backend.backends.backend import Model
from backend.dialects.chat import (
    Answer,
    Completed,
    EmbeddingRequest,
    Embeddings,
    Event,
    Failed,
    Figures,
    Finished,
    ReasoningDelta,
    Started,
    StreamEncoder,
    TextDelta,
    ToolCallDelta,
    Usage,
)
from backend.dialects.objects import encode_error
from backend.dialects.openai.reply import (
    encode_chat,
    encode_completion,
    encode_embeddings,
    encode_model,
    encode_models,
)
from backend.dialects.openai.stream import ChatStream, CompletionStream
from backend.dialects.own.models import describe_model
from backend.errors import BackendFailed, ContextLengthExceeded, Truncated

FIGURES = Figures("ollama", ttft_ms=12.5, tokens_per_second=40.0, load_ms=None)
USAGE = Usage(input_tokens=7, output_tokens=3, cached_tokens=2, reasoning_tokens=1, figures=FIGURES)
LOGPROB = {"token": "é", "logprob": -0.5, "bytes": [195, 169], "top_logprobs": [{"token": "e", "logprob": -2.0}]}
RAW_ROLE = b'{"id":"up","choices":[{"index":0,"delta":{"role": "assistant","content":null},"finish_reason":null}]}'
RAW_TEXT = b'{"id":"up","choices":[{"index":0,"delta":{"content":"a"},"finish_reason":null}]}'
RAW_BOTH = b'{"id":"up","choices":[{"index":0,"delta":{"role":"assistant","content":"a"},"finish_reason":null}]}'
RAW_END = b'{"id":"up","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}'


def chat_stream(include_usage: bool = False) -> ChatStream:
    return ChatStream("llama", include_usage, "chatcmpl-1", 1700000000)


def completion_stream(include_usage: bool = False) -> CompletionStream:
    return CompletionStream("llama", include_usage, "cmpl-1", 1700000000)


def data(encoder: StreamEncoder, *events: Event) -> list[bytes]:
    """The data of each server-sent event; none has any other line."""
    sent = b"".join(encoder.encode(event) for event in events)
    if not sent:
        return []
    assert sent.endswith(b"\n\n")
    found = sent[:-2].split(b"\n\n")
    assert all(event.startswith(b"data: ") and b"\n" not in event for event in found)
    return [event[6:] for event in found]


def chunks(encoder: StreamEncoder, *events: Event) -> list[dict[str, Any]]:
    """The chunks before `[DONE]`, each of them valid to openai-python."""
    *found, done = data(encoder, *events)
    assert done == b"[DONE]"
    parsed = [json.loads(each) for each in found]
    for chunk in parsed:
        assert_valid(chunk)
        assert (chunk["id"], chunk["created"]) == (parsed[0]["id"], parsed[0]["created"])
    return parsed


def assert_valid(chunk: dict[str, Any]) -> None:
    if chunk["object"] == "chat.completion.chunk":
        ChatCompletionChunk.model_validate(chunk, strict=True)
        return
    # openai-python's one type for whole and streamed completions knows no null here; OpenAI's own streams have it.
    choices = [{**choice, "finish_reason": choice["finish_reason"] or "stop"} for choice in chunk["choices"]]
    Completion.model_validate({**chunk, "choices": choices}, strict=True)


def answer(*events: Event) -> Answer:
    gathered = Answer()
    for event in events:
        gathered.add(event)
    return gathered


# -- chat streams -------------------------------------------------------------------------------


def test_a_chat_stream_has_the_role_once_then_deltas_then_one_finish_then_done() -> None:
    found = chunks(
        chat_stream(), Started(), TextDelta("He"), TextDelta('y "é"\n'), Finished("stop"), USAGE, Completed()
    )

    assert [chunk["choices"] for chunk in found] == [
        [{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}],
        [{"index": 0, "delta": {"content": "He"}, "finish_reason": None}],
        [{"index": 0, "delta": {"content": 'y "é"\n'}, "finish_reason": None}],
        [{"index": 0, "delta": {}, "finish_reason": "stop"}],
    ]
    assert {(chunk["object"], chunk["model"]) for chunk in found} == {("chat.completion.chunk", "llama")}
    assert not any("usage" in chunk for chunk in found)


def test_usage_comes_last_without_choices_where_it_was_asked_for() -> None:
    *_, last = chunks(chat_stream(True), Started(), TextDelta("a"), Finished("stop"), USAGE, Completed())

    assert last["choices"] == []
    assert last["usage"] == {
        "prompt_tokens": 7,
        "completion_tokens": 3,
        "total_tokens": 10,
        "prompt_tokens_details": {"cached_tokens": 2},
        "completion_tokens_details": {"reasoning_tokens": 1},
        "passerelle": {
            "backend": "ollama",
            "ttft_ms": 12.5,
            "tokens_per_second": 40.0,
            "load_ms": None,
        },
    }


def test_figures_that_are_estimated_say_so() -> None:
    usage = Usage(1, 2, figures=Figures("openai", estimated=True))

    *_, last = chunks(chat_stream(True), Started(), TextDelta("a"), Finished("stop"), usage, Completed())

    assert last["usage"]["passerelle"]["estimated"] is True
    assert "prompt_tokens_details" not in last["usage"]


def test_an_answer_without_a_word_still_has_its_role_and_its_finish() -> None:
    found = chunks(chat_stream(), Started(), Finished("length"), Completed())

    assert [chunk["choices"][0]["delta"] for chunk in found] == [{"role": "assistant", "content": ""}, {}]


def test_a_finish_that_comes_twice_is_sent_once() -> None:
    found = chunks(chat_stream(), Started(), TextDelta("a"), Finished("stop"), Finished("length"), Completed())

    assert [chunk["choices"][0]["finish_reason"] for chunk in found] == [None, None, "stop"]


def test_chunks_of_our_own_show_the_upstreams_id_time_and_model() -> None:
    started = Started("up-9", 1600000000, "llama:latest")

    found = chunks(chat_stream(True), started, TextDelta("a"), Finished("stop"), USAGE, Completed())

    assert {(chunk["id"], chunk["created"], chunk["model"]) for chunk in found} == {
        ("up-9", 1600000000, "llama:latest")
    }


def test_reasoning_is_sent_under_both_of_its_names() -> None:
    found = chunks(chat_stream(), Started(), ReasoningDelta("hm"), TextDelta("a"), Finished("stop"), Completed())

    assert [chunk["choices"][0]["delta"] for chunk in found] == [
        {"role": "assistant", "content": ""},
        {"reasoning_content": "hm", "reasoning": "hm"},
        {"content": "a"},
        {},
    ]


def test_tool_calls_have_an_index_always_and_id_type_and_name_once() -> None:
    found = chunks(
        chat_stream(),
        Started(),
        ToolCallDelta(0, "", "c1", "f"),
        ToolCallDelta(0, '{"a":'),
        ToolCallDelta(0, "1}"),
        ToolCallDelta(1, "{}", "c2", "g"),
        Finished("stop"),
        Completed(),
    )

    assert [chunk["choices"][0]["delta"].get("tool_calls") for chunk in found[1:-1]] == [
        [{"index": 0, "id": "c1", "type": "function", "function": {"name": "f", "arguments": ""}}],
        [{"index": 0, "function": {"arguments": '{"a":'}}],
        [{"index": 0, "function": {"arguments": "1}"}}],
        [{"index": 1, "id": "c2", "type": "function", "function": {"name": "g", "arguments": "{}"}}],
    ]
    assert found[-1]["choices"][0]["finish_reason"] == "tool_calls"


def test_an_answer_cut_in_a_tool_call_is_still_cut() -> None:
    found = chunks(chat_stream(), Started(), ToolCallDelta(0, "{", "c", "f"), Finished("length"), Completed())

    assert found[-1]["choices"][0]["finish_reason"] == "length"


def test_a_raw_stop_after_tool_calls_is_written_anew() -> None:
    sent = data(chat_stream(), Started(), ToolCallDelta(0, "{}", "c", "f"), Finished("stop", raw=RAW_END), Completed())

    assert json.loads(sent[-2])["choices"][0]["finish_reason"] == "tool_calls"


def test_every_choice_has_its_own_role_and_finish() -> None:
    found = chunks(
        chat_stream(),
        Started(),
        TextDelta("a"),
        TextDelta("b", choice=1),
        TextDelta("c"),
        TextDelta("d", choice=1),
        Finished("stop", choice=1),
        Finished("length"),
        Completed(),
    )

    shown = [(chunk["choices"][0]["index"], chunk["choices"][0]["delta"].get("role")) for chunk in found]
    assert shown == [(0, "assistant"), (0, None), (1, "assistant"), *[(i, None) for i in (1, 0, 1, 1, 0)]]
    assert [chunk["choices"][0]["finish_reason"] for chunk in found[-2:]] == ["stop", "length"]


def test_logprobs_go_with_their_text() -> None:
    logprobs = {"content": [LOGPROB]}
    deltas = [TextDelta("é", logprobs=logprobs), TextDelta("b"), TextDelta("é", logprobs=logprobs)]

    found = chunks(chat_stream(), Started(), *deltas, Finished("stop"), Completed())

    assert [chunk["choices"][0].get("logprobs") for chunk in found] == [None, logprobs, None, logprobs, None]


def test_raw_events_keep_their_bytes_and_their_role() -> None:
    events = [Started("up", raw=RAW_ROLE), TextDelta("a", raw=RAW_TEXT), Finished("stop", raw=RAW_END), Completed()]

    assert data(chat_stream(), *events) == [RAW_ROLE, RAW_TEXT, RAW_END, b"[DONE]"]


def test_a_raw_delta_that_tells_the_role_itself_gets_no_other() -> None:
    assert data(chat_stream(), Started("up"), TextDelta("a", raw=RAW_BOTH), Completed()) == [RAW_BOTH, b"[DONE]"]


def test_a_raw_delta_without_a_role_gets_one_before_it() -> None:
    raw = RAW_TEXT.replace(b'"a"', b'"\\"role\\":"')
    role, text, done = data(chat_stream(), Started("up"), TextDelta('"role":', raw=raw), Completed())

    assert json.loads(role)["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert (text, done) == (raw, b"[DONE]")


def test_a_raw_start_of_the_second_choice_leaves_the_first_without_its_role() -> None:
    second = RAW_ROLE.replace(b'"index":0', b'"index": 1')
    raw_1 = RAW_TEXT.replace(b'"index":0', b'"index":1')

    sent = data(chat_stream(), Started(raw=second), TextDelta("a", 1, raw=raw_1), TextDelta("a", raw=RAW_BOTH))

    assert sent == [second, raw_1, RAW_BOTH]


def test_raw_and_rewritten_chunks_agree_in_one_stream() -> None:
    raw = b'{"id":"up","created":5,"model":"m","choices":[{"index":0,"delta":{"role":"assistant"}}]}'

    found = [
        json.loads(each) for each in data(chat_stream(), Started("up", 5, "m", raw), TextDelta("x"), Finished("stop"))
    ]

    assert [(chunk["id"], chunk["created"], chunk["model"]) for chunk in found] == [("up", 5, "m")] * 3


@pytest.mark.parametrize("make", [chat_stream, completion_stream])
def test_a_failure_is_one_error_and_nothing_after_it(make: Any) -> None:
    encoder = make(True)
    sent = data(
        encoder,
        Started(),
        TextDelta("a"),
        Failed(Truncated("The backend's answer ended early.")),
        TextDelta("b"),
        TextDelta("b", raw=RAW_TEXT),
        Finished("stop"),
        USAGE,
        Completed(),
        Failed(Truncated("again")),
    )

    assert json.loads(sent[-1]) == {
        "error": {
            "message": "The backend's answer ended early.",
            "type": "server_error",
            "param": None,
            "code": "truncated",
        }
    }
    assert not any(b"[DONE]" in each or b'"stop"' in each for each in sent)
    assert sum(b'"error"' in each for each in sent) == 1


@pytest.mark.parametrize("make", [chat_stream, completion_stream])
def test_nothing_follows_done(make: Any) -> None:
    encoder = make()
    chunks(encoder, Started(), TextDelta("a"), Finished("stop"), Completed())

    assert data(encoder, TextDelta("b"), TextDelta("b", raw=RAW_TEXT), Finished("stop"), Completed()) == []


def test_streams_are_server_sent_events_kept_alive_by_comments() -> None:
    for encoder in (chat_stream(), completion_stream()):
        assert encoder.content_type == "text/event-stream; charset=utf-8"
        assert encoder.keep_alive == b": keep-alive\n\n"


@given(st.text(st.characters(exclude_categories=["Cs"])), st.sampled_from(['"', 'a"\\', "m", '""']))
def test_any_text_and_any_model_name_survive_the_short_way(text: str, model: str) -> None:
    encoder = ChatStream(model, False, "id", 1)
    encoder.encode(Started())
    encoder.encode(TextDelta("first"))

    chunk = json.loads(encoder.encode(TextDelta(text))[6:])

    assert chunk["model"] == model
    assert chunk["choices"][0]["delta"] == {"content": text}


# -- completion streams -------------------------------------------------------------------------


def test_a_completion_stream_has_text_then_a_finish_then_usage_then_done() -> None:
    found = chunks(
        completion_stream(True),
        Started(),
        ReasoningDelta("hm"),
        TextDelta("a"),
        TextDelta("b", choice=1),
        ToolCallDelta(0, "{}", "c", "f"),
        Finished("stop"),
        Finished("length", choice=1),
        Finished("length", choice=1),
        USAGE,
        Completed(),
    )

    assert [chunk["choices"] for chunk in found] == [
        [{"index": 0, "text": "a", "logprobs": None, "finish_reason": None}],
        [{"index": 1, "text": "b", "logprobs": None, "finish_reason": None}],
        [{"index": 0, "text": "", "logprobs": None, "finish_reason": "stop"}],
        [{"index": 1, "text": "", "logprobs": None, "finish_reason": "length"}],
        [],
    ]
    assert found[-1]["usage"]["total_tokens"] == 10
    assert {chunk["object"] for chunk in found} == {"text_completion"}


def test_raw_completion_events_keep_their_bytes() -> None:
    events = [Started("up"), TextDelta("a", raw=b'{"raw":1}'), Finished("stop", raw=b'{"raw":2}'), Completed()]

    assert data(completion_stream(), *events) == [b'{"raw":1}', b'{"raw":2}', b"[DONE]"]


def test_logprobs_take_the_older_form_in_completions() -> None:
    piece = {"content": [LOGPROB, {**LOGPROB, "token": "bc", "top_logprobs": []}]}
    events = [Started(), TextDelta("ébc", logprobs=piece), TextDelta("é", logprobs={"content": [LOGPROB]})]

    found = chunks(completion_stream(), *events, Finished("stop"), Completed())
    whole = json.loads(encode_completion(answer(*events, Finished("stop")), "m", "cmpl-1", 1))

    assert found[0]["choices"][0]["logprobs"] == {
        "tokens": ["é", "bc"],
        "token_logprobs": [-0.5, -0.5],
        "top_logprobs": [{"e": -2.0}, {}],
        "text_offset": [0, 1],
    }
    assert found[1]["choices"][0]["logprobs"]["text_offset"] == [3]
    assert whole["choices"][0]["logprobs"]["tokens"] == ["é", "bc", "é"]
    assert whole["choices"][0]["logprobs"]["text_offset"] == [0, 1, 3]


def test_a_servers_own_older_logprobs_go_through() -> None:
    piece = {"tokens": ["a"], "token_logprobs": [-1.0], "top_logprobs": None, "text_offset": [4]}
    events = [Started(), TextDelta("a", logprobs=piece), Finished("stop")]

    found = chunks(completion_stream(), *events, Completed())
    whole = json.loads(encode_completion(answer(*events), "m", "cmpl-1", 1))

    assert found[0]["choices"][0]["logprobs"] == piece
    assert whole["choices"][0]["logprobs"] == {**piece, "top_logprobs": []}


@pytest.mark.parametrize("junk", [[], 3, {"content": 3}, {"content": [3, {"token": 4, "top_logprobs": [1, {}]}]}])
def test_logprobs_of_a_strange_shape_fail_no_answer(junk: Any) -> None:
    events = [Started(), TextDelta("a", logprobs=junk), Finished("stop")]

    assert data(chat_stream(), *events, Completed())[-1] == b"[DONE]"
    assert data(completion_stream(), *events, Completed())[-1] == b"[DONE]"
    assert json.loads(encode_chat(answer(*events), "m", "i", 1))["choices"][0]["message"]["content"] == "a"
    assert json.loads(encode_completion(answer(*events), "m", "i", 1))["choices"][0]["text"] == "a"


# -- whole answers ------------------------------------------------------------------------------


def test_a_whole_chat_answer_is_what_openai_python_expects() -> None:
    events = [Started(), ReasoningDelta("h"), ReasoningDelta("m"), TextDelta("He"), TextDelta("y"), Finished("stop")]

    found = json.loads(encode_chat(answer(*events, USAGE), "llama", "chatcmpl-1", 5))

    ChatCompletion.model_validate(found, strict=True)
    assert {name: found[name] for name in ("id", "object", "created", "model")} == {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 5,
        "model": "llama",
    }
    message = {"role": "assistant", "content": "Hey", "refusal": None, "reasoning_content": "hm", "reasoning": "hm"}
    assert found["choices"] == [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}]
    assert found["usage"]["passerelle"]["backend"] == "ollama"


def test_a_whole_answer_shows_the_upstreams_id_time_and_model() -> None:
    gathered = answer(Started("up", 9, "m:latest"), TextDelta("a"), Finished("stop"))

    for found in (encode_chat(gathered, "m", "x", 5), encode_completion(gathered, "m", "x", 5)):
        parsed = json.loads(found)
        assert (parsed["id"], parsed["created"], parsed["model"]) == ("up", 9, "m:latest")


def test_tool_calls_in_a_whole_answer_leave_the_content_null() -> None:
    events = [ToolCallDelta(1, "{}", "c2", "g"), ToolCallDelta(0, '{"a"', "c1", "f"), ToolCallDelta(0, ":1}")]

    found = json.loads(encode_chat(answer(Started(), *events, Finished("stop")), "m", "i", 1))

    ChatCompletion.model_validate(found, strict=True)
    choice = found["choices"][0]
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["content"] is None
    assert choice["message"]["tool_calls"] == [
        {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}},
        {"id": "c2", "type": "function", "function": {"name": "g", "arguments": "{}"}},
    ]


def test_text_beside_tool_calls_is_kept() -> None:
    events = [TextDelta("Wait."), ToolCallDelta(0, "{}", "c", "f"), Finished("tool_calls")]

    found = json.loads(encode_chat(answer(Started(), *events), "m", "i", 1))

    assert found["choices"][0]["message"]["content"] == "Wait."


def test_an_answer_without_a_word_has_empty_content() -> None:
    found = json.loads(encode_chat(answer(Started(), Finished("length")), "m", "i", 1))

    assert found["choices"][0]["message"]["content"] == ""
    assert "usage" not in found


def test_choices_and_logprobs_of_a_whole_answer_are_in_order() -> None:
    pieces = [{"content": [LOGPROB]}, {"content": [LOGPROB]}]
    events = [TextDelta("b", 1), TextDelta("a", logprobs=pieces[0]), TextDelta("c", logprobs=pieces[1])]

    found = json.loads(encode_chat(answer(Started(), *events, Finished("stop"), Finished("stop", 1)), "m", "i", 1))

    ChatCompletion.model_validate(found, strict=True)
    assert [choice["index"] for choice in found["choices"]] == [0, 1]
    assert [choice["message"]["content"] for choice in found["choices"]] == ["ac", "b"]
    assert found["choices"][0]["logprobs"] == {"content": [LOGPROB, LOGPROB], "refusal": None}
    assert found["choices"][1]["logprobs"] is None


def test_a_whole_completion_is_what_openai_python_expects() -> None:
    gathered = answer(Started(), ReasoningDelta("hm"), TextDelta("a"), TextDelta("b"), Finished("length"), USAGE)

    found = json.loads(encode_completion(gathered, "llama", "cmpl-1", 5))

    Completion.model_validate(found, strict=True)
    assert found["object"] == "text_completion"
    assert found["choices"] == [{"index": 0, "text": "ab", "logprobs": None, "finish_reason": "length"}]
    assert found["usage"]["total_tokens"] == 10


# -- embeddings, models, errors -----------------------------------------------------------------


def written(request: EmbeddingRequest, embeddings: Embeddings) -> Any:
    return json.loads(b"".join(encode_embeddings(request, embeddings, MODEL)))


def test_embeddings_come_as_floats() -> None:
    request = EmbeddingRequest("m", ("a", "b"))

    found = written(request, Embeddings(([0.5, -1.0], array("f", [2.0, 0.0])), 4))

    CreateEmbeddingResponse.model_validate(found, strict=True)
    assert found["data"] == [
        {"object": "embedding", "index": 0, "embedding": [0.5, -1.0]},
        {"object": "embedding", "index": 1, "embedding": [2.0, 0.0]},
    ]
    assert (found["object"], found["model"]) == ("list", "llama3.2:latest")
    whose = {"backend": "ollama", "dimensions": 2, "fingerprint": "sha256:abc"}
    assert found["usage"] == {"prompt_tokens": 4, "total_tokens": 4, "passerelle": whose}


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), max_size=8), st.booleans())
def test_embeddings_in_base64_are_little_endian_floats_of_32_bits(vector: list[float], is_array: bool) -> None:
    request = EmbeddingRequest("m", ("a",), encoding_format="base64")

    found = written(request, Embeddings((array("f", vector) if is_array else vector,)))

    decoded = base64.b64decode(found["data"][0]["embedding"])
    assert list(struct.unpack(f"<{len(vector)}f", decoded)) == vector


def test_base64_is_the_same_on_a_big_endian_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    request = EmbeddingRequest("m", ("a",), encoding_format="base64")
    here = written(request, Embeddings(([1.5],)))["data"][0]["embedding"]
    monkeypatch.setattr("sys.byteorder", "big")

    swapped = written(request, Embeddings(([1.5],)))["data"][0]["embedding"]

    assert base64.b64decode(swapped) == base64.b64decode(here)[::-1]


MODEL = Model(
    id="llama3.2:latest",
    backend="ollama",
    family="llama",
    parameters="3.2B",
    quantization="Q4_K_M",
    size_bytes=2019393189,
    context_length=131072,
    capabilities=("completion", "tools"),
    is_loaded=True,
    created=1700000000,
    memory_bytes=3000000000,
    languages=("en", "fr"),
    sampling={"temperature": 0.6},
    fingerprint="sha256:abc",
)


def test_models_are_listed_with_openais_four_fields() -> None:
    listed = {"id": "llama3.2:latest", "object": "model", "created": 1700000000, "owned_by": "ollama"}

    OpenAIModel.model_validate(json.loads(encode_model(MODEL)), strict=True)
    assert json.loads(encode_model(MODEL)) == listed
    assert json.loads(encode_models([MODEL])) == {"object": "list", "data": [listed]}
    assert json.loads(encode_models([])) == {"object": "list", "data": []}


def test_a_model_is_described_with_all_that_is_known() -> None:
    assert describe_model(MODEL) == {
        "id": "llama3.2:latest",
        "object": "model",
        "created": 1700000000,
        "owned_by": "ollama",
        "name": "llama3.2:latest",
        "backend": "ollama",
        "family": "llama",
        "parameters": "3.2B",
        "quantization": "Q4_K_M",
        "size_bytes": 2019393189,
        "context_length": 131072,
        "trained_context_length": None,
        "capabilities": ["completion", "tools"],
        "is_loaded": True,
        "is_demo": False,
        "is_cloud": False,
        "memory_bytes": 3000000000,
        "shares_with": [],
        "languages": ["en", "fr"],
        "sampling": {"temperature": 0.6},
        "dimensions": None,
        "fingerprint": "sha256:abc",
    }
    unknown = describe_model(Model("a", "embedded", name="Demo", is_demo=True))
    assert (unknown["name"], unknown["languages"], unknown["sampling"]) == ("Demo", None, None)


def test_an_error_has_all_four_of_openais_keys() -> None:
    assert json.loads(encode_error(ContextLengthExceeded("Too long."))) == {
        "error": {
            "message": "Too long.",
            "type": "invalid_request_error",
            "param": "messages",
            "code": "context_length_exceeded",
        }
    }
    assert json.loads(encode_error(BackendFailed("It failed.")))["error"]["param"] is None
