"""anthropic-python, unmodified: its users must notice nothing."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Iterator
from typing import Any

import anthropic
import pytest
from anthropic.types import Message, TextBlock, ThinkingBlock, ToolUseBlock

from tests.fake_backend import Chunks, End, FakeBackend, Head, Status, Step
from tests.gateway.wire import CHAT
from tests.running_gateway import RunningGateway

Pair = tuple[FakeBackend, RunningGateway]
Connect = Callable[..., anthropic.Anthropic]
HELLO: Any = [{"role": "user", "content": "Hello"}]
WEATHER: Any = {
    "name": "weather",
    "description": "The weather of a city",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
NDJSON, SSE = "application/x-ndjson", "text/event-stream"
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGBgAAAABQABpfZFQAAAAABJRU5ErkJggg=="


@pytest.fixture(params=["openai", "ollama"])
def pair(request: pytest.FixtureRequest, openai_pair: Pair, ollama_pair: Pair) -> Pair:
    return openai_pair if request.param == "openai" else ollama_pair


@pytest.fixture
def sdk() -> Iterator[Connect]:
    """Makes clients that are closed in the end."""
    with contextlib.ExitStack() as stack:

        def connect(gateway: RunningGateway, **more: Any) -> anthropic.Anthropic:
            settings = {"api_key": "none", "max_retries": 0, **more}
            return stack.enter_context(anthropic.Anthropic(base_url=gateway.url, **settings))

        yield connect


def path(fake: FakeBackend) -> str:
    return CHAT if fake.kind == "openai" else "/api/chat"


def script(fake: FakeBackend, *deltas: dict[str, Any], reason: str = "stop", usage: tuple[int, int] = (26, 5)) -> None:
    """The next answer of a model: pieces of a message, in the dialect of the fake."""
    if fake.kind == "ollama":
        lines: list[Any] = [
            {"message": {"role": "assistant", "content": "", **delta}, "done": False} for delta in deltas
        ]
        counts = {"prompt_eval_count": usage[0], "eval_count": usage[1]}
        lines.append({"message": {"role": "assistant", "content": ""}, "done": True, "done_reason": reason, **counts})
        sent = [json.dumps({"model": "llama3.2:latest", **line}).encode() + b"\n" for line in lines]
        fake.script("/api/chat", Head(200, {"content-type": NDJSON}), Chunks(sent), End())
        return
    choices = [[{"index": 0, "delta": delta, "finish_reason": None}] for delta in deltas]
    choices.append([{"index": 0, "delta": {}, "finish_reason": reason}])
    counts = {"prompt_tokens": usage[0], "completion_tokens": usage[1], "total_tokens": sum(usage)}
    head = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "llama3.2:latest"}
    events = [{**head, "choices": each} for each in choices] + [{**head, "choices": [], "usage": counts}]
    sent = [b"data: " + json.dumps(event).encode() + b"\n\n" for event in events]
    fake.script(CHAT, Head(200, {"content-type": SSE}), Chunks([*sent, b"data: [DONE]\n\n"]), End())


def thought(fake: FakeBackend, text: str) -> dict[str, Any]:
    return {"thinking" if fake.kind == "ollama" else "reasoning_content": text}


def called(fake: FakeBackend, *cities: str) -> dict[str, Any]:
    if fake.kind == "ollama":
        return {"tool_calls": [{"function": {"name": "weather", "arguments": {"city": city}}} for city in cities]}
    calls = [
        {"index": index, "id": f"call_{index}", "type": "function", "function": {"name": "weather", "arguments": text}}
        for index, text in enumerate(json.dumps({"city": city}) for city in cities)
    ]
    return {"tool_calls": calls}


def asked(fake: FakeBackend) -> Any:
    """What the backend was asked last."""
    return fake.requests_to(path(fake))[-1].json


def text_of(message: Message) -> str:
    return "".join(block.text for block in message.content if isinstance(block, TextBlock))


# -- answers --------------------------------------------------------------------------------------


def test_a_message_is_answered_with_and_without_a_stream(pair: Pair, sdk: Connect) -> None:
    fake, gateway = pair
    client = sdk(gateway)

    whole = client.messages.create(model="", max_tokens=50, messages=HELLO)
    with client.messages.stream(model="", max_tokens=50, messages=HELLO) as stream:
        pieces = list(stream.text_stream)
        streamed = stream.get_final_message()

    said = "".join(fake.fake.tokens)
    for message in (whole, streamed):
        assert [block.type for block in message.content] == ["text"]
        assert text_of(message) == said
        assert (message.role, message.model, message.stop_reason) == ("assistant", "llama3.2:latest", "end_turn")
        assert message.stop_sequence is None
        assert message.usage.input_tokens > 0
        assert message.usage.output_tokens == len(fake.fake.tokens)
    assert pieces == list(fake.fake.tokens)
    assert whole.id.startswith("msg_")
    assert whole.id != streamed.id
    assert whole._request_id is not None
    assert whole.usage.model_extra is not None
    assert whole.usage.model_extra["passerelle"]["backend"] == fake.kind


def test_raw_events_and_the_asynchronous_client_work(pair: Pair, sdk: Connect) -> None:
    fake, gateway = pair

    events = list(sdk(gateway).messages.create(model="", max_tokens=50, messages=HELLO, stream=True))

    async def ask() -> Message:
        async with (
            anthropic.AsyncAnthropic(base_url=gateway.url, api_key="none", max_retries=0) as client,
            client.messages.stream(model="", max_tokens=50, messages=HELLO) as stream,
        ):
            return await stream.get_final_message()

    kinds = [event.type for event in events]
    assert kinds[:2] == ["message_start", "content_block_start"]
    assert kinds[-3:] == ["content_block_stop", "message_delta", "message_stop"]
    assert kinds.count("message_start") == kinds.count("message_stop") == 1
    assert text_of(asyncio.run(ask())) == "".join(fake.fake.tokens)


def test_what_is_asked_reaches_the_backend(pair: Pair, sdk: Connect) -> None:
    fake, gateway = pair
    image: Any = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}

    sdk(gateway).messages.create(
        model="",
        max_tokens=50,
        system=[{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
        messages=[{"role": "user", "content": [image, {"type": "text", "text": "What is it?"}]}],
        extra_body={"temperature": 0.5, "top_p": 0.9, "top_k": 5},
    )

    body = asked(fake)
    system, user = body["messages"]
    assert (system["role"], system["content"]) == ("system", "Be brief.")
    options = body["options"] if fake.kind == "ollama" else body
    assert (options["temperature"], options["top_p"], options["top_k"]) == (0.5, 0.9, 5)
    if fake.kind == "ollama":
        assert (user["content"], user["images"], options["num_predict"]) == ("What is it?", [PNG], 50)
    else:
        parts = [{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}]
        assert user["content"] == [*parts, {"type": "text", "text": "What is it?"}]
        assert body["max_tokens"] == 50


def test_a_prefilled_answer_reaches_the_backend_last(pair: Pair, sdk: Connect) -> None:
    fake, gateway = pair

    sdk(gateway).messages.create(
        model="", max_tokens=50, messages=[*HELLO, {"role": "assistant", "content": "The answer is ("}]
    )

    last = asked(fake)["messages"][-1]
    assert (last["role"], last["content"]) == ("assistant", "The answer is (")


@pytest.mark.parametrize("stream", [False, True])
def test_a_cut_answer_says_that_max_tokens_cut_it(pair: Pair, sdk: Connect, stream: bool) -> None:
    fake, gateway = pair
    script(fake, {"content": "He"}, reason="length")

    assert ask(sdk(gateway), stream, messages=HELLO).stop_reason == "max_tokens"


def ask(client: anthropic.Anthropic, is_streamed: bool, **more: Any) -> Message:
    if not is_streamed:
        return client.messages.create(model="", max_tokens=50, **more)
    with client.messages.stream(model="", max_tokens=50, **more) as stream:
        return stream.get_final_message()


# -- tools ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("stream", [False, True])
def test_parallel_calls_come_as_blocks_and_their_results_go_back(pair: Pair, sdk: Connect, stream: bool) -> None:
    fake, gateway = pair
    client = sdk(gateway)
    script(fake, {"content": "I look."}, called(fake, "Oslo", "Rome"), reason="stop")

    answer = ask(client, stream, messages=HELLO, tools=[WEATHER])

    calls = [block for block in answer.content if isinstance(block, ToolUseBlock)]
    assert answer.stop_reason == "tool_use"
    assert [block.type for block in answer.content] == ["text", "tool_use", "tool_use"]
    assert [call.input for call in calls] == [{"city": "Oslo"}, {"city": "Rome"}]
    assert len({call.id for call in calls}) == 2

    results: Any = [
        {"type": "tool_result", "tool_use_id": calls[0].id, "content": "cold"},
        {"type": "tool_result", "tool_use_id": calls[1].id, "content": [{"type": "text", "text": "warm"}]},
    ]
    conversation: Any = [*HELLO, answer.to_param(), {"role": "user", "content": results}]
    assert text_of(ask(client, stream, messages=conversation, tools=[WEATHER])) == "".join(fake.fake.tokens)

    _, assistant, *told = asked(fake)["messages"]
    assert [call["id"] for call in assistant["tool_calls"]] == [call.id for call in calls]
    assert [(each["role"], each["tool_call_id"], each["content"]) for each in told] == [
        ("tool", calls[0].id, "cold"),
        ("tool", calls[1].id, "warm"),
    ]


def test_the_choice_of_tools_reaches_a_backend_that_has_one(openai_pair: Pair, sdk: Connect) -> None:
    fake, gateway = openai_pair
    client = sdk(gateway)
    choices: Any = [
        {"type": "auto", "disable_parallel_tool_use": True},
        {"type": "any"},
        {"type": "none"},
        {"type": "tool", "name": "weather"},
    ]
    seen = []
    for choice in choices:
        client.messages.create(model="", max_tokens=50, messages=HELLO, tools=[WEATHER], tool_choice=choice)
        seen.append((asked(fake)["tool_choice"], asked(fake).get("parallel_tool_calls")))

    named = {"type": "function", "function": {"name": "weather"}}
    assert seen == [("auto", False), ("required", None), ("none", None), (named, None)]
    function = asked(fake)["tools"][0]["function"]
    assert (function["name"], function["parameters"]) == ("weather", WEATHER["input_schema"])


def test_the_tool_runner_runs_its_tools_to_the_end(pair: Pair, sdk: Connect) -> None:
    """It tries threads first, which are refused in the words that make it send whole conversations."""
    fake, gateway = pair
    given: list[str] = []

    @anthropic.beta_tool
    def weather(city: str) -> str:
        """The weather of a city.

        Args:
            city: its name
        """
        given.append(city)
        return f"sun in {city}"

    script(fake, called(fake, "Oslo"))
    runner = sdk(gateway).beta.messages.tool_runner(model="", max_tokens=50, tools=[weather], messages=HELLO)
    final = runner.until_done()

    assert given == ["Oslo"]
    assert final.content[0].type == "text"
    assert [message["role"] for message in asked(fake)["messages"]] == ["user", "assistant", "tool"]
    assert asked(fake)["messages"][-1]["content"] == "sun in Oslo"


@pytest.mark.parametrize("stream", [False, True])
def test_a_call_whose_arguments_broke_off_is_a_failure(openai_pair: Pair, sdk: Connect, stream: bool) -> None:
    """The SDK itself would take what came for the whole."""
    fake, gateway = openai_pair
    function = {"name": "weather", "arguments": '{"city": "Oslo"'}
    script(fake, {"tool_calls": [{"index": 0, "id": "a", "type": "function", "function": function}]})

    with pytest.raises(anthropic.APIStatusError) as failed:
        ask(sdk(gateway), stream, messages=HELLO, tools=[WEATHER])

    assert failed.value.error_code == "garbled_call"


# -- thinking and formats -------------------------------------------------------------------------


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("display", ["summarized", "omitted"])
def test_thinking_is_a_block_and_comes_back_through_its_signature(
    pair: Pair, sdk: Connect, stream: bool, display: str
) -> None:
    fake, gateway = pair
    client = sdk(gateway)
    script(fake, thought(fake, "A tool"), thought(fake, " may help."), called(fake, "Oslo"))
    thinking: Any = {"type": "enabled", "budget_tokens": 1024, "display": display}

    answer = ask(client, stream, messages=HELLO, tools=[WEATHER], thinking=thinking)

    first, call = answer.content
    assert isinstance(first, ThinkingBlock)
    assert isinstance(call, ToolUseBlock)
    assert first.thinking == ("A tool may help." if display == "summarized" else "")
    assert first.signature
    result: Any = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "cold"}]}
    ask(client, stream, messages=[*HELLO, answer.to_param(), result], tools=[WEATHER], thinking=thinking)
    assistant = asked(fake)["messages"][1]
    assert assistant["thinking" if fake.kind == "ollama" else "reasoning_content"] == "A tool may help."


@pytest.mark.parametrize("stream", [False, True])
def test_who_asks_for_no_thinking_finds_the_answer_in_the_first_block(pair: Pair, sdk: Connect, stream: bool) -> None:
    fake, gateway = pair
    script(fake, thought(fake, "Hm."), {"content": "Yes."})

    answer = ask(sdk(gateway), stream, messages=HELLO)

    assert answer.content[0].type == "text"
    assert text_of(answer) == "Yes."


def test_think_tags_within_the_text_are_thinking(openai_pair: Pair, sdk: Connect) -> None:
    fake, gateway = openai_pair
    script(fake, *({"content": piece} for piece in ("<th", "ink>H", "m.</thi", "nk>\n\nYes", ".")))

    answer = ask(sdk(gateway), True, messages=HELLO, thinking={"type": "adaptive"})

    assert [getattr(block, block.type) for block in answer.content] == ["Hm.", "Yes."]


def test_efforts_and_schemas_reach_the_backend(pair: Pair, sdk: Connect) -> None:
    fake, gateway = pair
    schema = {"type": "object", "properties": {"name": {"type": "string"}}}

    sdk(gateway).messages.create(
        model="",
        max_tokens=50,
        messages=HELLO,
        output_config={"format": {"type": "json_schema", "schema": schema}},
        extra_body={"output_config": {"effort": "high", "format": {"type": "json_schema", "schema": schema}}},
    )

    body = asked(fake)
    if fake.kind == "ollama":
        assert (body["format"], body.get("think")) == (schema, None), "this model is known not to think"
    else:
        assert body["response_format"]["json_schema"]["schema"] == schema
        assert body["reasoning_effort"] == "high"


# -- models ---------------------------------------------------------------------------------------


def test_models_are_listed_page_by_page_and_found(pair: Pair, sdk: Connect) -> None:
    _, gateway = pair
    client = sdk(gateway)

    listed = list(client.models.list(limit=1))
    found = client.models.retrieve("llama3.2:latest")

    assert [model.id for model in listed] == ["llama3.2:latest", "use-multilingual"]
    assert found == listed[0]
    assert (found.type, found.display_name) == ("model", "llama3.2:latest")
    assert gateway.get("/v1/models").json()["object"] == "list", "OpenAI's clients see theirs"


# -- failures -------------------------------------------------------------------------------------


def test_an_unknown_model_is_not_found_and_says_which_are_there(pair: Pair, sdk: Connect) -> None:
    _, gateway = pair

    with pytest.raises(anthropic.NotFoundError) as refused:
        sdk(gateway).messages.create(model="llama3.3", max_tokens=50, messages=HELLO)

    assert (refused.value.type, refused.value.error_code) == ("not_found_error", "model_not_found")
    assert "llama3.2" in str(refused.value)
    assert refused.value.request_id == refused.value.response.headers["x-request-id"]
    assert refused.value.response.json()["request_id"] == refused.value.request_id


def test_addresses_that_are_not_there_answer_in_the_shape_of_who_asks(pair: Pair, sdk: Connect) -> None:
    _, gateway = pair

    with pytest.raises(anthropic.NotFoundError) as refused:
        sdk(gateway).messages.batches.list()
    with pytest.raises(anthropic.NotFoundError) as unknown:
        sdk(gateway).models.retrieve("llama3.3")

    assert (refused.value.type, unknown.value.type) == ("not_found_error", "not_found_error")
    assert gateway.get("/v1/messages").json()["error"]["type"] == "invalid_request_error"
    assert "param" in gateway.get("/v1/files").json()["error"], "OpenAI's clients see theirs"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("steps", "error", "type"),
    [
        ((Status(503, body={"error": "busy"}),), anthropic.OverloadedError, "overloaded_error"),
        ((Status(401, body={"error": {"message": "no key"}}),), anthropic.InternalServerError, "api_error"),
        ((Status(400, body={"error": "it makes no sense"}),), anthropic.BadRequestError, "invalid_request_error"),
        ((Status(500, body={"error": "model crashed"}),), anthropic.InternalServerError, "api_error"),
    ],
)
def test_a_failure_before_the_first_word_is_the_right_exception(
    pair: Pair, sdk: Connect, steps: tuple[Step, ...], error: type[anthropic.APIStatusError], type: str, stream: bool
) -> None:
    fake, gateway = pair
    fake.script(path(fake), *steps)

    with pytest.raises(error) as failed:
        ask(sdk(gateway), stream, messages=HELLO)

    assert failed.value.type == type
    assert failed.value.request_id


def test_a_wrong_key_is_an_authentication_error() -> None:
    with (
        FakeBackend("openai") as fake,
        RunningGateway(BACKEND="openai", OPENAI_URL=fake.url + "/v1", API_KEYS="the-right-key-0123456789") as gateway,
        anthropic.Anthropic(base_url=gateway.url, api_key="a-wrong-key", max_retries=0) as wrong,
        anthropic.Anthropic(base_url=gateway.url, api_key="the-right-key-0123456789", max_retries=0) as right,
        anthropic.Anthropic(base_url=gateway.url, auth_token="the-right-key-0123456789", max_retries=0) as bearer,
    ):
        with pytest.raises(anthropic.AuthenticationError) as refused:
            wrong.messages.create(model="", max_tokens=50, messages=HELLO)
        for client in (right, bearer):
            assert client.messages.create(model="", max_tokens=50, messages=HELLO).content

    assert "Incorrect API key provided" in str(refused.value)


# -- the embedded engine --------------------------------------------------------------------------


def test_the_demo_model_answers_the_sdk(embedded: RunningGateway, sdk: Connect) -> None:
    question: Any = [{"role": "user", "content": "What is Passerelle?"}]

    raw = sdk(embedded).messages.with_raw_response.create(model="", max_tokens=100, messages=question)
    streamed = ask(sdk(embedded), True, messages=question)

    assert "Passerelle" in text_of(raw.parse())
    assert text_of(raw.parse()) == text_of(streamed)
    assert raw.headers["x-passerelle-demo"] == "temperature=0"
