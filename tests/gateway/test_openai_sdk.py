"""openai-python, unmodified: its users must notice nothing."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Iterator
from time import monotonic

import openai
import pytest

from tests.fake_backend import Bytes, Chunks, End, FakeBackend, FakeModel, Head, Status
from tests.gateway.wire import CHAT
from tests.running_gateway import RunningGateway

Pair = tuple[FakeBackend, RunningGateway]
HELLO = [{"role": "user", "content": "Hello"}]
TOOL = {
    "type": "function",
    "function": {"name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}},
}


@pytest.fixture(params=["openai", "ollama"])
def pair(request: pytest.FixtureRequest, openai_pair: Pair, ollama_pair: Pair) -> Pair:
    return openai_pair if request.param == "openai" else ollama_pair


Connect = Callable[..., openai.OpenAI]


@pytest.fixture
def sdk() -> Iterator[Connect]:
    """Makes clients that are closed in the end."""
    with contextlib.ExitStack() as stack:

        def connect(gateway: RunningGateway, prefix: str = "/v1") -> openai.OpenAI:
            return stack.enter_context(openai.OpenAI(base_url=gateway.url + prefix, api_key="none", max_retries=0))

        yield connect


def wait_for_model(gateway: RunningGateway, name: str) -> None:
    """An unknown name makes the gateway look again, at most once a second."""
    deadline = monotonic() + 5
    while gateway.get(f"/v1/models/{name}").status_code == 404:
        assert monotonic() < deadline, f"{name} is not listed"


@pytest.mark.parametrize("prefix", ["/v1", ""])
def test_chat_answers_with_and_without_a_stream(pair: Pair, prefix: str, sdk: Connect) -> None:
    fake, gateway = pair
    client = sdk(gateway, prefix)

    whole = client.chat.completions.create(model="", messages=HELLO, max_tokens=-1)
    pieces = list(
        client.chat.completions.create(model="", messages=HELLO, stream=True, stream_options={"include_usage": True})
    )

    said = "".join(fake.fake.tokens)
    assert whole.choices[0].message.content == said
    assert whole.choices[0].finish_reason == "stop"
    assert whole.usage is not None
    assert whole.usage.total_tokens == whole.usage.prompt_tokens + whole.usage.completion_tokens > 0
    assert "".join(p.choices[0].delta.content or "" for p in pieces if p.choices) == said
    assert pieces[-1].usage is not None
    assert pieces[-1].usage.model_extra["passerelle"]["backend"] == fake.kind


def test_the_streaming_helper_and_the_asynchronous_client_work(pair: Pair, sdk: Connect) -> None:
    fake, gateway = pair

    with sdk(gateway).chat.completions.stream(model="", messages=HELLO) as stream:
        final = stream.get_final_completion()

    async def ask() -> str | None:
        async with openai.AsyncOpenAI(base_url=gateway.url + "/v1", api_key="none", max_retries=0) as client:
            return (await client.chat.completions.create(model="", messages=HELLO)).choices[0].message.content

    said = "".join(fake.fake.tokens)
    assert final.choices[0].message.content == said
    assert asyncio.run(ask()) == said


def test_completions_answer(pair: Pair, sdk: Connect) -> None:
    fake, gateway = pair
    client = sdk(gateway)

    whole = client.completions.create(model="", prompt="Hello")
    pieces = list(client.completions.create(model="", prompt="Hello", stream=True))

    said = "".join(fake.fake.tokens)
    assert whole.choices[0].text == said
    assert "".join(piece.choices[0].text for piece in pieces) == said
    assert pieces[-1].choices[0].finish_reason == "stop"


def test_embeddings_are_the_same_as_floats_and_as_the_base64_that_the_sdk_asks_for(pair: Pair, sdk: Connect) -> None:
    fake, gateway = pair
    fake.models = [*fake.models, "nomic-embed-text:latest"]
    client = sdk(gateway)
    wait_for_model(gateway, "nomic-embed-text:latest")

    coded = client.embeddings.create(model="nomic-embed-text:latest", input=["a", "b"])
    floats = client.embeddings.create(model="nomic-embed-text:latest", input=["a", "b"], encoding_format="float")

    fake.models = ["llama3.2:latest"]
    assert len(coded.data) == 2
    for one, other in zip(coded.data, floats.data, strict=True):
        assert one.embedding == pytest.approx(other.embedding, rel=1e-6)


@pytest.mark.parametrize("name", ["hf.co/org/repo-GGUF:Q4_K_M", "publisher/model@q4_k_m", "plain:latest"])
def test_models_are_listed_and_found_whatever_their_names_hold(pair: Pair, name: str, sdk: Connect) -> None:
    fake, gateway = pair
    fake.models = [FakeModel("llama3.2:latest"), FakeModel(name)]
    client = sdk(gateway)

    wait_for_model(gateway, name)
    found = client.models.retrieve(name)
    listed = [model.id for model in client.models.list()]
    raw = gateway.get(f"/v1/models/{name}")

    fake.models = ["llama3.2:latest"]
    assert name in listed
    assert raw.json()["id"] == found.id == name


def test_an_unknown_model_is_not_found_and_says_which_are_there(pair: Pair, sdk: Connect) -> None:
    _, gateway = pair
    client = sdk(gateway)

    with pytest.raises(openai.NotFoundError) as refused:
        client.chat.completions.create(model="llama3.3", messages=HELLO)

    assert refused.value.code == "model_not_found"
    assert "llama3.2" in str(refused.value)
    assert refused.value.response.headers["x-should-retry"] == "false"
    assert refused.value.request_id


def test_bad_requests_name_the_field(pair: Pair, sdk: Connect) -> None:
    _, gateway = pair

    with pytest.raises(openai.BadRequestError) as refused:
        sdk(gateway).chat.completions.create(model="", messages=HELLO, temperature=9)

    assert refused.value.param == "temperature"


def test_tool_calls_come_with_indices_and_the_right_reason_over_openai(openai_pair: Pair, sdk: Connect) -> None:
    fake, gateway = openai_pair
    head = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m"}

    def chunk(delta: object, reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        return b"data: " + json.dumps({**head, "choices": [choice]}).encode() + b"\n\n"

    def call(identity: str | None, name: str | None, arguments: str) -> dict[str, object]:
        return {
            "tool_calls": [
                {"index": 0, "id": identity, "type": "function", "function": {"name": name, "arguments": arguments}}
            ]
        }

    fake.script(
        CHAT,
        Head(200, {"content-type": "text/event-stream"}),
        Chunks([
            chunk({"role": "assistant", "content": None}),
            chunk(call("a", "weather", "")), chunk(call(None, None, '{"city":')), chunk(call(None, None, '"Oslo"}')),
            chunk(call("b", "weather", '{"city":"Rome"}')),
            chunk({}, "stop"),
        ]),
        Bytes(b"data: [DONE]\n\n"),
        End(),
    )  # fmt: skip

    with sdk(gateway).chat.completions.stream(model="", messages=HELLO, tools=[TOOL]) as stream:
        choice = stream.get_final_completion().choices[0]

    assert choice.finish_reason == "tool_calls"
    assert [call.function.arguments for call in choice.message.tool_calls or ()] == [
        '{"city":"Oslo"}',
        '{"city":"Rome"}',
    ]


def test_tool_calls_of_ollama_come_in_openais_shape(ollama_pair: Pair, sdk: Connect) -> None:
    fake, gateway = ollama_pair
    calls = [{"function": {"index": 0, "name": "weather", "arguments": {"city": city}}} for city in ("Oslo", "Rome")]
    lines = [
        {
            "model": "llama3.2:latest",
            "message": {"role": "assistant", "content": "", "tool_calls": calls},
            "done": False,
        },
        {
            "model": "llama3.2:latest",
            "message": {"role": "assistant", "content": ""},
            "done": True,
            "done_reason": "stop",
        },
    ]
    fake.script(
        "/api/chat",
        Head(200, {"content-type": "application/x-ndjson"}),
        Chunks([json.dumps(line).encode() + b"\n" for line in lines]),
        End(),
    )

    choice = sdk(gateway).chat.completions.create(model="", messages=HELLO, tools=[TOOL]).choices[0]

    assert choice.finish_reason == "tool_calls"
    found = choice.message.tool_calls or []
    assert [json.loads(call.function.arguments)["city"] for call in found] == ["Oslo", "Rome"]
    assert len({call.id for call in found}) == 2


def test_a_context_that_is_too_small_has_openais_code(ollama_pair: Pair, sdk: Connect) -> None:
    fake, gateway = ollama_pair
    fake.script("/api/chat", Status(400, body={"error": "the prompt is longer than the context length"}))

    with pytest.raises(openai.BadRequestError) as refused:
        sdk(gateway).chat.completions.create(model="", messages=HELLO)

    assert refused.value.code == "context_length_exceeded"


def test_the_demo_model_answers_the_sdk(embedded: RunningGateway, sdk: Connect) -> None:
    client = sdk(embedded)

    answer = client.chat.completions.with_raw_response.create(
        model="", messages=[{"role": "user", "content": "What is Passerelle?"}]
    )
    pieces = list(client.chat.completions.create(model="", messages=HELLO, stream=True))

    said = answer.parse().choices[0].message.content
    assert said is not None
    assert "Passerelle" in said
    assert answer.headers["x-passerelle-demo"] == "temperature=0"
    assert pieces[-1].choices[0].finish_reason == "stop"
