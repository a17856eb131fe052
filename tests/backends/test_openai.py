from __future__ import annotations

from collections.abc import Iterator

import orjson
import pytest

from backend.backends.openai import OpenAIBackend
from backend.dialects.chat import ChatRequest, CompletionRequest, EmbeddingRequest, Message, Sampling, Text
from backend.errors import BackendFailed, BackendUnavailable, GatewayError, ModelNotFound
from backend.settings import Settings
from tests.fake_backend import FakeBackend, Hang, Status

KEY = "sk-0123456789abcdef"
LLAMA_CPP = {  # as recorded from llama.cpp, shortened
    "models": [{"name": "random-Q8_0.gguf", "capabilities": ["completion", "multimodal"]}],
    "object": "list",
    "data": [
        {
            "id": "random-Q8_0.gguf",
            "object": "model",
            "created": 1795256084,
            "owned_by": "llamacpp",
            "architecture": {"input_modalities": ["text"]},
            "meta": {"n_ctx": 1024, "n_ctx_train": 2048, "n_params": 172352, "size": 184064, "ftype": "Q8_0"},
        }
    ],
}


@pytest.fixture
def fake() -> Iterator[FakeBackend]:
    with FakeBackend("openai", ["org/model-7b", "bge-embed"]) as fake:
        yield fake


def backend_of(url: str, key: str = "") -> OpenAIBackend:
    return OpenAIBackend.of(Settings.read({"OPENAI_URL": url, "OPENAI_API_KEY": key, "CONNECT_TIMEOUT_S": "1"}, None))


@pytest.fixture
def server(fake: FakeBackend) -> OpenAIBackend:
    return backend_of(fake.url + "/v1")


def test_it_is_there_and_its_key_is_sent(fake: FakeBackend) -> None:
    assert backend_of(fake.url + "/v1", KEY).version() == ""
    assert fake.wait_request(1).headers["authorization"] == f"Bearer {KEY}"


def test_a_plain_listing_gives_ids_and_a_guess_at_what_they_do(server: OpenAIBackend) -> None:
    model, words = server.models()

    assert (model.id, model.created, model.is_loaded) == ("org/model-7b", 1_795_000_000, None)
    assert model.capabilities == ("chat", "completion")
    assert words.capabilities == ("embedding",)


def test_llama_cpp_tells_more(fake: FakeBackend, server: OpenAIBackend) -> None:
    fake.script("/v1/models", Status(body=LLAMA_CPP))

    (model,) = server.models()

    assert (model.parameters, model.quantization, model.size_bytes) == ("172K", "Q8_0", 184064)
    assert (model.context_length, model.is_loaded) == (1024, True)
    assert model.capabilities == ("chat", "completion", "vision")


def test_llama_cpps_router_tells_which_models_are_loaded(fake: FakeBackend, server: OpenAIBackend) -> None:
    data = [
        {"id": str(i), "owned_by": "llamacpp", "status": {"value": v}} for i, v in enumerate(("loaded", "unloaded"))
    ]
    fake.script("/v1/models", Status(body={"data": data}))

    assert [model.is_loaded for model in server.models()] == [True, False]


def test_vllm_tells_its_context(fake: FakeBackend, server: OpenAIBackend) -> None:
    fake.script("/v1/models", Status(body={"data": [{"id": "m", "owned_by": "vllm", "max_model_len": 32768}]}))

    assert [(model.context_length, model.is_loaded) for model in server.models()] == [(32768, True)]


def test_no_models_may_come_as_null(fake: FakeBackend, server: OpenAIBackend) -> None:
    fake.script("/v1/models", Status(body={"object": "list", "data": None}))

    assert server.models() == []
    assert server.resolve("any", []) is None


def test_names_are_taken_exactly(server: OpenAIBackend) -> None:
    models = server.models()

    assert server.resolve("org/model-7b", models) == models[0]
    assert server.resolve("ORG/model-7b", models) is None
    assert server.resolve("model-7b", models) is None


def test_a_server_without_a_listing_judges_names_itself(fake: FakeBackend, server: OpenAIBackend) -> None:
    fake.missing.add("/v1/models")

    assert server.version() == ""
    assert server.models() == []
    found = server.resolve("whatever-it-is", [])
    assert found is not None
    assert found.id == "whatever-it-is"
    assert server.resolve("a\nb", []) is None


def test_an_address_without_its_v1_is_told_with_the_right_one(fake: FakeBackend) -> None:
    with pytest.raises(BackendFailed, match=f"Set OPENAI_URL={fake.url}/v1 in .env"):
        backend_of(fake.url).version()


@pytest.mark.parametrize(
    ("answer", "failure", "words"),
    [
        (Status(401, body={"error": {"message": "no"}}), BackendFailed, "set OPENAI_API_KEY in .env"),
        (Status(200, body={"error": "Unexpected endpoint or method. (GET /models)"}), BackendFailed, "is not The"),
        (Status(200, body={"data": "many"}), BackendFailed, "Correct OPENAI_URL"),
        (Status(500, body={"error": {"message": "on fire"}}), GatewayError, "on fire"),
        (Status(503, body={"error": {"code": 503, "message": "Loading model"}}), BackendUnavailable, "loading"),
        (Hang(), GatewayError, "did not answer within 1 seconds"),
    ],
)
def test_a_server_that_fails_says_why(
    fake: FakeBackend, server: OpenAIBackend, answer: Status, failure: type[GatewayError], words: str
) -> None:
    fake.script("/v1/models", answer)

    with pytest.raises(failure, match=words):
        server.version()


def test_show_tells_what_the_listing_knows(fake: FakeBackend, server: OpenAIBackend) -> None:
    fake.script("/v1/models", Status(body=LLAMA_CPP))

    shown = server.show("random-Q8_0.gguf")

    assert shown["context_length"] == 1024
    assert shown["details"]["meta"]["n_ctx_train"] == 2048
    with pytest.raises(ModelNotFound):
        server.show("nope")


def test_calls_go_under_the_base_path(server: OpenAIBackend) -> None:
    chat = server.chat(ChatRequest("m", (Message("user", (Text("Hi"),)),)))
    completion = server.completion(CompletionRequest("m", "Once"))
    path = server.embed(EmbeddingRequest("m", ("a",))).path

    assert (chat.path, completion.path, path) == ("/chat/completions", "/completions", "/embeddings")
    assert chat.reach().base_path == "/v1"
    assert orjson.loads(chat.body)["stream_options"] == {"include_usage": True}


def test_engines_get_their_own_field_names_once_they_are_known(fake: FakeBackend, server: OpenAIBackend) -> None:
    request = ChatRequest("m", (Message("user", (Text("Hi"),)),), sampling=Sampling(repeat_penalty=1.1), think=False)
    before = orjson.loads(server.chat(request).body)
    fake.script("/v1/models", Status(body=LLAMA_CPP))
    server.models()
    after = orjson.loads(server.chat(request).body)

    assert before["reasoning_effort"] == "none"
    assert after["repetition_penalty"] == after["repeat_penalty"] == 1.1
    assert after["chat_template_kwargs"] == {"enable_thinking": False}


def test_openai_itself_gets_the_name_that_its_newer_models_want() -> None:
    request = ChatRequest("m", (Message("user", (Text("Hi"),)),), sampling=Sampling(max_tokens=5))

    body = orjson.loads(backend_of("https://api.openai.com/v1").chat(request).body)

    assert (body.get("max_completion_tokens"), body.get("max_tokens")) == (5, None)
