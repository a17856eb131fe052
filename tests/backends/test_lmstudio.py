from __future__ import annotations

from collections.abc import Iterator

import orjson
import pytest

from backend.backends.backend import Model
from backend.backends.lmstudio import LMStudioBackend
from backend.dialects.chat import ChatRequest, CompletionRequest, EmbeddingRequest, Message, Residency, Text
from backend.errors import BackendFailed, BackendUnavailable, GatewayError, ModelNotFound
from backend.settings import Settings
from tests.fake_backend import FakeBackend, FakeModel, Status

QWEN = FakeModel(
    "qwen/qwen3.5-9b",
    "qwen35",
    "9B",
    context_length=131_072,
    capabilities=("completion", "tools", "vision"),
    instances=("qwen/qwen3.5-9b", "qwen/qwen3.5-9b:2", "My Copy"),
    variants=("qwen/qwen3.5-9b@q4_k_m", "qwen/qwen3.5-9b@8bit"),
    is_loaded=True,
)
GEMMA = FakeModel("google/gemma-4-26b", "gemma4", "26B")
WORDS = FakeModel("text-embedding-nomic-embed-text-v1.5", "nomic-bert", "137M", "F16", capabilities=("embedding",))
TOKEN = "sk-lm-abcdefgh:0123456789"


@pytest.fixture
def fake() -> Iterator[FakeBackend]:
    with FakeBackend("lmstudio", [QWEN, GEMMA, WORDS]) as fake:
        yield fake


def backend_of(url: str, token: str = "") -> LMStudioBackend:
    settings = {"LMSTUDIO_URL": url, "LMSTUDIO_API_KEY": token, "CONNECT_TIMEOUT_S": "1"}
    return LMStudioBackend.of(Settings.read(settings, None))


@pytest.fixture
def lmstudio(fake: FakeBackend) -> LMStudioBackend:
    return backend_of(fake.url)


def test_it_is_there_and_tells_no_version(lmstudio: LMStudioBackend) -> None:
    assert lmstudio.version() == ""


@pytest.mark.parametrize("tail", ["", "/", "/v1"])
def test_an_address_with_v1_is_understood(fake: FakeBackend, tail: str) -> None:
    assert len(backend_of(fake.url + tail).models()) == 3


def test_the_native_listing_tells_all(fake: FakeBackend, lmstudio: LMStudioBackend) -> None:
    qwen, gemma, words = lmstudio.models()

    assert qwen == Model(
        id="qwen/qwen3.5-9b",
        backend="lmstudio",
        name="Qwen/Qwen3.5-9B",
        family="qwen35",
        parameters="9B",
        quantization="Q4_K_M",
        size_bytes=2_019_393_189,
        context_length=4096,
        capabilities=("chat", "completion", "tools", "vision"),
        is_loaded=True,
        trained_context_length=131072,
    )
    assert (gemma.is_loaded, gemma.context_length) == (False, 8192)
    assert words.capabilities == ("embedding",)
    assert [request.path for request in fake.requests] == ["/api/v1/models"]


def test_before_0_4_the_older_listing_is_read(fake: FakeBackend, lmstudio: LMStudioBackend) -> None:
    fake.missing.add("/api/v1/models")

    qwen, gemma, words = lmstudio.models()

    assert (qwen.is_loaded, qwen.context_length, qwen.quantization, qwen.family) == (True, 4096, "Q4_K_M", "qwen35")
    assert qwen.capabilities == ("chat", "completion", "tools", "vision")
    assert (gemma.is_loaded, gemma.context_length) == (False, 8192)
    assert words.capabilities == ("embedding",)


def test_before_0_3_6_only_the_ids_are_known(fake: FakeBackend, lmstudio: LMStudioBackend) -> None:
    fake.missing.update(("/api/v1/models", "/api/v0/models"))

    qwen, _, words = lmstudio.models()

    assert (qwen.id, qwen.is_loaded, qwen.capabilities) == ("qwen/qwen3.5-9b", None, ("chat", "completion"))
    assert words.capabilities == ("embedding",)


def test_a_server_that_knows_no_listing_wants_a_token(fake: FakeBackend, lmstudio: LMStudioBackend) -> None:
    fake.missing.update(("/api/v1/models", "/api/v0/models", "/v1/models"))

    with pytest.raises(BackendFailed, match=r"set LMSTUDIO_API_KEY in \.env to the key that it wants"):
        lmstudio.version()


def test_a_refused_token_is_told_and_never_shown(fake: FakeBackend) -> None:
    fake.always("/api/v1/models", Status(401, body={"error": {"code": "invalid_api_key", "message": TOKEN}}))

    with pytest.raises(BackendFailed, match=r"LMSTUDIO_API_KEY in \.env to a key that it knows") as caught:
        backend_of(fake.url, TOKEN).models()

    assert TOKEN not in repr(caught.value)
    assert fake.wait_request(1).headers["authorization"] == f"Bearer {TOKEN}"


def test_another_server_at_its_address_is_not_taken_for_it() -> None:
    with FakeBackend("openai") as other:
        other.always("/v1/models", Status(404, body={"error": "no"}))
        with pytest.raises(BackendFailed, match=r"is not LM Studio\. Correct LMSTUDIO_URL"):
            backend_of(other.url).version()


def test_a_server_that_is_off_says_how_to_start_it(fake: FakeBackend, lmstudio: LMStudioBackend) -> None:
    fake.stop()

    with pytest.raises(BackendUnavailable, match="Start its server with `lms server start`, or set LMSTUDIO_URL"):
        lmstudio.models()


def test_a_failing_listing_is_a_failure(fake: FakeBackend, lmstudio: LMStudioBackend) -> None:
    fake.script("/api/v1/models", Status(500, body={"error": "out of order"}))

    with pytest.raises(GatewayError, match="out of order"):
        lmstudio.models()


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        ("qwen/qwen3.5-9b", "qwen/qwen3.5-9b"),
        ("Qwen/Qwen3.5-9B", "qwen/qwen3.5-9b"),
        ("qwen/qwen3.5-9b:2", "qwen/qwen3.5-9b:2"),
        ("my copy", "My Copy"),
        ("qwen/qwen3.5-9b@8BIT", "qwen/qwen3.5-9b@8bit"),
        ("qwen3.5-9b", None),
        ("anything", None),
    ],
)
def test_keys_copies_and_variants_are_names(lmstudio: LMStudioBackend, asked: str, sent: str | None) -> None:
    found = lmstudio.resolve(asked, lmstudio.models())

    assert (found.id if found else None) == sent
    assert found is None or found.parameters == "9B"


def test_show_tells_what_the_listing_knows(lmstudio: LMStudioBackend) -> None:
    shown = lmstudio.show("qwen/qwen3.5-9b:2")

    assert (shown["context_length"], shown["loaded_context_length"]) == (131_072, 4096)
    assert (shown["publisher"], shown["families"], shown["format"]) == ("fake", ["qwen35"], "gguf")
    with pytest.raises(ModelNotFound):
        lmstudio.show("nope")


def test_calls_carry_what_only_lm_studio_wants(lmstudio: LMStudioBackend) -> None:
    messages = (Message("user", (Text("Hi"),)), Message("system", (Text("Late"),)))
    chat = lmstudio.chat(ChatRequest("m", messages, residency=Residency(ttl=60)))
    completion = lmstudio.completion(CompletionRequest("m", "Once"))
    path = lmstudio.embed(EmbeddingRequest("m", ("a",))).path

    body = orjson.loads(chat.body)
    assert body["ttl"] == 60
    assert [message["role"] for message in body["messages"]] == ["system", "user"]
    assert (chat.path, completion.path, path) == ("/v1/chat/completions", "/v1/completions", "/v1/embeddings")
    assert chat.guard is None, "LM Studio goes on loading when a client leaves"
