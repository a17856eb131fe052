"""What Anthropic's clients learn of tokens and stop sequences: exact where it can be, else said to be a guess."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import anthropic
import pytest

from tests.fake_backend import Chunks, End, FakeBackend, Head, Status, UntilClientLeaves
from tests.gateway.wire import CHAT
from tests.running_gateway import RunningGateway

Pair = tuple[FakeBackend, RunningGateway]
HELLO: Any = [{"role": "user", "content": "Hello"}]
COUNT = "/v1/messages/count_tokens"
INPUT_TOKENS = "/v1/chat/completions/input_tokens"
TOOL: Any = {"name": "weather", "input_schema": {"type": "object"}}
SSE = Head(200, {"content-type": "text/event-stream"})


def engine(owner: str) -> Iterator[Pair]:
    """An OpenAI-compatible fake whose listing says who it is."""
    listing = {"object": "list", "data": [{"id": "m", "object": "model", "owned_by": owner}]}
    with FakeBackend("openai", ["m"]) as fake:
        fake.always("/v1/models", Status(body=listing))
        with RunningGateway(BACKEND="openai", OPENAI_URL=fake.url + "/v1", HEARTBEAT_S=0.4) as gateway:
            assert gateway.get("/v1/models").status_code == 200
            yield fake, gateway


@pytest.fixture(scope="module")
def llamacpp() -> Iterator[Pair]:
    yield from engine("llamacpp")


@pytest.fixture(scope="module")
def vllm() -> Iterator[Pair]:
    yield from engine("vllm")


@pytest.fixture(params=["openai", "ollama"])
def pair(request: pytest.FixtureRequest, openai_pair: Pair, ollama_pair: Pair) -> Pair:
    return openai_pair if request.param == "openai" else ollama_pair


def client(gateway: RunningGateway) -> anthropic.Anthropic:
    return anthropic.Anthropic(base_url=gateway.url, api_key="none", max_retries=0)


# -- count_tokens ---------------------------------------------------------------------------------


def test_llamacpp_counts_just_what_it_would_be_asked(llamacpp: Pair) -> None:
    fake, gateway = llamacpp
    fake.script(INPUT_TOKENS, Status(body={"input_tokens": 42, "object": "response.input_tokens"}))
    requests = gateway.get("/stats").json()["totals"]["requests"]

    with client(gateway) as sdk:
        raw = sdk.messages.with_raw_response.count_tokens(model="m", messages=HELLO, tools=[TOOL], system="Be brief.")

    asked = fake.requests_to(INPUT_TOKENS)[-1].json
    assert raw.parse().input_tokens == 42
    assert "x-passerelle-estimated" not in raw.headers
    assert raw.headers["x-passerelle-backend"] == "openai"
    assert [message["role"] for message in asked["messages"]] == ["system", "user"]
    assert asked["tools"][0]["function"]["name"] == "weather"
    assert gateway.get("/stats").json()["totals"]["requests"] == requests, "nothing was asked of a model"


def test_vllm_counts_outside_of_its_v1(vllm: Pair) -> None:
    fake, gateway = vllm
    fake.script("/tokenize", Status(body={"count": 7, "max_model_len": 4096, "tokens": [1] * 7}))

    answer = gateway.post(COUNT + "?beta=true", {"model": "m", "messages": HELLO, "thinking": {"type": "disabled"}})

    asked = fake.requests_to("/tokenize")[-1].json
    assert answer.json() == {"input_tokens": 7}
    assert asked == {"model": "m", "messages": HELLO, "chat_template_kwargs": {"enable_thinking": False}}


@pytest.mark.parametrize("status", [404, 405, 501])
def test_a_server_that_does_not_know_the_question_makes_it_an_estimate(llamacpp: Pair, status: int) -> None:
    fake, gateway = llamacpp
    fake.script(INPUT_TOKENS, Status(status, body={"error": {"code": status, "message": "File Not Found"}}))

    answer = gateway.post(COUNT, {"model": "m", "messages": HELLO})

    assert answer.json()["input_tokens"] > 10
    assert answer.headers["x-passerelle-estimated"] == "input_tokens"
    assert "error" not in gateway.log.splitlines()[-1], "nothing failed"


@pytest.mark.parametrize(
    ("steps", "status", "type"),
    [
        ((Status(503, body={"error": {"message": "Loading model"}}),), 529, "overloaded_error"),
        ((Status(200, body={"tokens": "many"}),), 502, "api_error"),
        ((Status(200, body={"input_tokens": True}),), 502, "api_error"),
        ((Status(200, body=b"<html>"),), 502, "api_error"),
    ],
)
def test_a_failure_to_count_is_told(llamacpp: Pair, steps: Any, status: int, type: str) -> None:
    fake, gateway = llamacpp
    fake.script(INPUT_TOKENS, *steps)

    answer = gateway.post(COUNT, {"model": "m", "messages": HELLO})

    assert (answer.status_code, answer.json()["error"]["type"]) == (status, type)


def test_backends_that_cannot_count_are_not_asked(pair: Pair) -> None:
    fake, gateway = pair
    before = len(fake.requests)

    answer = gateway.post(COUNT, {"messages": HELLO, "system": "Be brief. " * 100})

    assert 200 < answer.json()["input_tokens"] < 800
    assert answer.headers["x-passerelle-estimated"] == "input_tokens"
    assert not [request for request in fake.requests[before:] if request.method == "POST"]


def test_a_count_of_an_unknown_model_or_of_nothing_is_refused(pair: Pair) -> None:
    _, gateway = pair

    unknown = gateway.post(COUNT, {"model": "llama3.3", "messages": HELLO})
    empty = gateway.post(COUNT, {"messages": []})

    assert (unknown.status_code, unknown.json()["error"]["type"]) == (404, "not_found_error")
    assert (empty.status_code, empty.json()["error"]["details"]["param"]) == (400, "messages")


def test_the_embedded_engine_counts_as_it_will_read(embedded: RunningGateway) -> None:
    with client(embedded) as sdk:
        raw = sdk.messages.with_raw_response.count_tokens(model="", messages=HELLO, system="Be brief.")
        answer = sdk.messages.create(model="", max_tokens=5, messages=HELLO, system="Be brief.")

    usage = answer.usage
    assert "x-passerelle-estimated" not in raw.headers
    assert raw.parse().input_tokens == usage.input_tokens + (usage.cache_read_input_tokens or 0)


# -- the beginning of a stream --------------------------------------------------------------------


def test_a_stream_over_the_embedded_engine_begins_with_the_prompts_tokens(embedded: RunningGateway) -> None:
    with client(embedded) as sdk:
        exact = sdk.messages.count_tokens(model="", messages=HELLO).input_tokens
        events = list(sdk.messages.create(model="", max_tokens=5, messages=HELLO, stream=True))

    assert events[0].type == "message_start"
    usage = events[0].message.usage
    assert usage.input_tokens + (usage.cache_read_input_tokens or 0) == exact
    assert "passerelle" not in (usage.model_extra or {})


def test_llamacpp_is_asked_to_tell_its_progress_and_others_are_not(llamacpp: Pair, openai_pair: Pair) -> None:
    progress = {"total": 20, "cache": 5, "processed": 5, "time_ms": 0}
    chunk = b'{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[%b]%b}'
    role = b'{"index":0,"delta":{"role":"assistant","content":null},"finish_reason":null}'
    text = b'{"index":0,"delta":{"content":"Hi"},"finish_reason":"stop"}'
    told = str(progress).replace("'", '"').encode()
    chunks = [chunk % (role, b',"prompt_progress":' + told)] * 2 + [chunk % (text, b"")]
    fake, gateway = llamacpp
    fake.script(CHAT, SSE, Chunks([b"data: " + each + b"\n\n" for each in (*chunks, b"[DONE]")]), End())

    with client(gateway) as sdk:
        events = list(sdk.messages.create(model="m", max_tokens=5, messages=HELLO, stream=True))
    with client(openai_pair[1]) as sdk:
        sdk.messages.create(model="", max_tokens=5, messages=HELLO)

    assert events[0].type == "message_start"
    assert events[0].message.usage.input_tokens == 15
    assert events[0].message.usage.cache_read_input_tokens == 5
    assert [event.type for event in events].count("message_start") == 1
    assert fake.requests_to(CHAT)[-1].json["return_progress"] is True
    assert "return_progress" not in openai_pair[0].requests_to(CHAT)[-1].json


def test_a_thinking_budget_reaches_llamacpp_as_it_is(llamacpp: Pair) -> None:
    fake, gateway = llamacpp

    with client(gateway) as sdk:
        thinking: Any = {"type": "enabled", "budget_tokens": 1024}
        sdk.messages.create(model="m", max_tokens=2000, messages=HELLO, thinking=thinking)

    body = fake.requests_to(CHAT)[-1].json
    assert (body["thinking_budget_tokens"], body["chat_template_kwargs"]) == (1024, {"enable_thinking": True})


# -- stop sequences -------------------------------------------------------------------------------


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_stop_sequence_is_named_and_the_model_is_stopped(pair: Pair, stream: bool) -> None:
    fake, gateway = pair
    path, head = (
        (CHAT, SSE) if fake.kind == "openai" else ("/api/chat", Head(200, {"content-type": "application/x-ndjson"}))
    )
    fake.script(path, head, Chunks(fake.events(path)[:-2]), UntilClientLeaves())
    more: Any = {"model": "", "max_tokens": 50, "messages": HELLO, "stop_sequences": ["nothing", "e fake"]}

    with client(gateway) as sdk:
        if stream:
            with sdk.messages.stream(**more) as answer:
                message: Any = answer.get_final_message()
        else:
            message = sdk.messages.create(**more)

    asked = fake.requests_to(path)[-1]
    assert (message.stop_reason, message.stop_sequence) == ("stop_sequence", "e fake")
    assert message.content[0].text == "Hello from th"
    assert message.usage.input_tokens > 0
    assert message.usage.output_tokens > 0
    assert asked.wait_closed(5), "the model went on"
    assert "stop" not in (asked.json.get("options") or asked.json)


def test_an_answer_without_the_stop_sequence_ends_by_itself(pair: Pair) -> None:
    fake, gateway = pair

    with client(gateway) as sdk:
        message = sdk.messages.create(model="", max_tokens=50, messages=HELLO, stop_sequences=["zzz", ".."])

    assert (message.stop_reason, message.stop_sequence) == ("end_turn", None)
    assert message.content[0].type == "text"
    assert message.content[0].text == "".join(fake.fake.tokens)
    assert "passerelle" in (message.usage.model_extra or {})
    assert "estimated" not in (message.usage.model_extra or {})["passerelle"]


def test_a_context_that_is_too_small_is_said_as_claude_code_understands_it(llamacpp: Pair) -> None:
    """It shortens the conversation by itself then."""
    fake, gateway = llamacpp
    words = "request (5000 tokens) exceeds the available context size (4096 tokens), try increasing it"
    error = {"code": 400, "message": words, "type": "exceed_context_size_error", "n_prompt_tokens": 5000, "n_ctx": 4096}
    fake.script(CHAT, Status(400, body={"error": error}))

    with client(gateway) as sdk, pytest.raises(anthropic.BadRequestError) as refused:
        sdk.messages.create(model="m", max_tokens=50, messages=HELLO)

    assert "prompt is too long: 5000 tokens > 4096 maximum" in str(refused.value)
