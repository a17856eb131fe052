from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256

import pytest

from backend.backends.backend import LoadGuard, Model
from backend.backends.ollama import OllamaBackend
from backend.dialects.chat import ChatRequest, CompletionRequest, EmbeddingRequest, Message, Text
from backend.errors import BackendFailed, BackendTimeout, BackendUnavailable, GatewayError, ModelNotFound
from backend.settings import Settings
from tests.fake_backend import FakeBackend, FakeModel, Hang, Status

LOADED = FakeModel("llama3.2:latest", is_loaded=True, capabilities=("completion", "tools"))
EYES = FakeModel("hf.co/Org/Qwen-VL-GGUF:Q4_K_M", "qwen3vl", "4B", capabilities=("completion", "vision", "thinking"))
WORDS = FakeModel("nomic-embed-text:latest", "nomic-bert", "137M", capabilities=("embedding",))


@pytest.fixture
def fake() -> Iterator[FakeBackend]:
    with FakeBackend("ollama", [LOADED, EYES, WORDS]) as fake:
        yield fake


def backend_of(url: str) -> OllamaBackend:
    return OllamaBackend.of(Settings.read({"OLLAMA_URL": url, "CONNECT_TIMEOUT_S": "1"}, None))


@pytest.fixture
def ollama(fake: FakeBackend) -> OllamaBackend:
    return backend_of(fake.url)


def test_it_tells_its_version(ollama: OllamaBackend) -> None:
    assert ollama.version() == "0.33.0"


@pytest.mark.parametrize("tail", ["", "/", "/v1", "/api"])
def test_an_address_with_an_api_path_is_understood(fake: FakeBackend, tail: str) -> None:
    assert backend_of(fake.url + tail).version() == "0.33.0"


def test_a_silent_ollama_is_told_from_one_that_is_not_there(fake: FakeBackend, ollama: OllamaBackend) -> None:
    fake.script("/api/version", Hang())
    with pytest.raises(BackendTimeout, match="may be overloaded"):
        ollama.version()

    fake.stop()
    with pytest.raises(BackendUnavailable, match="Start it with `ollama serve`, or set OLLAMA_URL"):
        ollama.version()


@pytest.mark.parametrize("kind", ["lmstudio", "openai"])
def test_another_server_at_its_address_is_not_taken_for_it(kind: str) -> None:
    with FakeBackend(kind) as other, pytest.raises(BackendFailed, match=r"is not Ollama\. Correct OLLAMA_URL"):
        backend_of(other.url).version()


def test_the_listing_joins_what_is_installed_with_what_is_loaded(ollama: OllamaBackend) -> None:
    loaded, eyes, words = ollama.models()

    assert loaded == Model(
        id="llama3.2:latest",
        backend="ollama",
        name="llama3.2:latest",
        family="llama",
        parameters="3.2B",
        quantization="Q4_K_M",
        size_bytes=2_019_393_189,
        context_length=4096,
        capabilities=("chat", "completion", "tools"),
        is_loaded=True,
        created=1_791_097_950,
        memory_bytes=3_000_000_000,
        trained_context_length=8192,
        fingerprint=f"sha256:{sha256(b'llama3.2:latest').hexdigest()}",
    )
    assert (eyes.is_loaded, eyes.memory_bytes) == (False, None)
    assert (eyes.context_length, eyes.trained_context_length) == (4096, 8192)
    assert eyes.capabilities == ("chat", "completion", "vision", "thinking")
    assert (words.capabilities, words.dimensions) == (("embedding",), 8)


def test_no_models_may_come_as_null(fake: FakeBackend, ollama: OllamaBackend) -> None:
    fake.script("/api/tags", Status(body={"models": None}))
    fake.script("/api/ps", Status(body={"models": None}))

    assert ollama.models() == []


def test_entries_that_make_no_sense_are_left_out(fake: FakeBackend, ollama: OllamaBackend) -> None:
    wrong = [None, 7, {}, {"name": 7}, {"model": "a\nb"}, {"name": "ok:1", "size": "big", "details": [], "digest": {}}]
    fake.script("/api/tags", Status(body={"models": wrong}))

    (model,) = ollama.models()

    assert (model.id, model.size_bytes, model.family, model.created) == ("ok:1", None, None, 0)


def test_before_0_30_capabilities_come_from_show_and_are_asked_for_once(
    fake: FakeBackend, ollama: OllamaBackend
) -> None:
    tags = {"models": [{"name": name, "digest": name} for name in (EYES.name, WORDS.name)]}
    fake.always("/api/tags", Status(body=tags))

    ollama.models()
    eyes, words = ollama.models()

    assert eyes.capabilities == ("chat", "completion", "vision", "thinking")
    assert words.capabilities == ("embedding",)
    assert [request.json for request in fake.requests_to("/api/show")] == [{"model": EYES.name}, {"model": WORDS.name}]


def test_where_nothing_is_told_only_bert_cannot_chat(fake: FakeBackend, ollama: OllamaBackend) -> None:
    fake.always("/api/show", Status(500, body={"error": "no"}))
    details = [{"name": "a", "details": {"family": "nomic-bert"}}, {"name": "b", "details": {"family": "llama"}}]
    fake.script("/api/tags", Status(body={"models": details}))

    assert [model.capabilities for model in ollama.models()] == [("embedding",), ("chat", "completion")]


def test_a_listing_does_not_wait_for_a_model_that_loads(
    fake: FakeBackend, ollama: OllamaBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backend.backends.ollama.PS_TIMEOUT_S", 0.2)
    ollama.models()
    guard_of(ollama, LOADED).answered()
    fake.script("/api/ps", Hang())

    assert [model.is_loaded for model in ollama.models()] == [True, None, None]


@pytest.mark.parametrize("answer", [Status(404), Status(500), Status(200, body=b"nonsense")])
def test_without_ps_nobody_knows_what_is_loaded(fake: FakeBackend, ollama: OllamaBackend, answer: Status) -> None:
    fake.script("/api/ps", answer)

    assert [model.is_loaded for model in ollama.models()] == [None, None, None]


@pytest.mark.parametrize(
    ("answer", "failure", "words"),
    [
        (Status(500, body={"error": "disk full"}), GatewayError, "disk full"),
        (Status(403), BackendFailed, "refuses this gateway"),
        (Status(200, body={"error": "Unexpected endpoint or method. (GET /api/tags)"}), BackendFailed, "is not Ollama"),
        (Status(200, body=b"<html>"), BackendFailed, "is not Ollama"),
        (Status(301, {"location": "/"}), BackendFailed, "is not Ollama"),
    ],
)
def test_a_listing_that_fails_says_why(
    fake: FakeBackend, ollama: OllamaBackend, answer: Status, failure: type[GatewayError], words: str
) -> None:
    fake.script("/api/tags", answer)

    with pytest.raises(failure, match=words):
        ollama.models()


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ("llama3.2", "llama3.2:latest"),
        ("LLAMA3.2:Latest", "llama3.2:latest"),
        ("library/llama3.2", "llama3.2:latest"),
        ("registry.ollama.ai/library/llama3.2:latest", "llama3.2:latest"),
        ("hf.co/org/qwen-vl-gguf:q4_k_m", "hf.co/Org/Qwen-VL-GGUF:Q4_K_M"),
        ("hf.co/Org/Qwen-VL-GGUF", None),
        ("llama3", None),
        ("", None),
    ],
)
def test_a_name_means_what_it_means_to_ollama(ollama: OllamaBackend, asked: str, meant: str | None) -> None:
    found = ollama.resolve(asked, ollama.models())

    assert (found.id if found else None) == meant


def guard_of(ollama: OllamaBackend, model: FakeModel) -> LoadGuard:
    guard = ollama.chat(ChatRequest(model.name, ())).guard
    assert guard is not None
    return guard


def test_a_listed_model_is_warm_once_two_listings_agree(fake: FakeBackend, ollama: OllamaBackend) -> None:
    def listed(expires_at: str) -> None:
        fake.script("/api/ps", Status(body={"models": [{"name": LOADED.name, "expires_at": expires_at}]}))
        ollama.models()

    listed("2126-11-21T10:00:00Z")
    assert guard_of(ollama, LOADED).may_be_loading()
    listed("2126-11-21T10:00:05Z")
    assert guard_of(ollama, LOADED).may_be_loading()
    listed("2126-11-21T10:00:05Z")
    assert not guard_of(ollama, LOADED).may_be_loading()


def test_a_model_that_answered_is_warm_until_it_is_listed_no_more(fake: FakeBackend, ollama: OllamaBackend) -> None:
    guard_of(ollama, EYES).answered()
    assert not guard_of(ollama, EYES).may_be_loading()

    ollama.models()

    assert guard_of(ollama, EYES).may_be_loading()


def test_show_tells_licence_parameters_template_families_and_context(ollama: OllamaBackend) -> None:
    shown = ollama.show(LOADED.name)

    assert shown["license"].startswith("MIT License")
    assert 'stop                           "<|end|>"' in shown["parameters"]
    assert (shown["template"], shown["system"]) == ("{{ .Prompt }}", "Be brief.")
    assert (shown["family"], shown["families"]) == ("llama", ["llama"])
    assert (shown["context_length"], shown["loaded_context_length"], shown["embedding_length"]) == (8192, 4096, 3072)
    assert (shown["size_bytes"], shown["memory_bytes"], shown["is_loaded"]) == (2_019_393_189, 3_000_000_000, True)
    assert shown["capabilities"] == ["chat", "completion", "tools"]
    assert shown["modified_at"] == "2026-10-04T09:12:30.5+02:00"
    assert "tokenizer.ggml.tokens" not in shown["model_info"]


def test_show_of_an_unknown_model_is_not_found(ollama: OllamaBackend) -> None:
    with pytest.raises(ModelNotFound, match="no model 'nope'"):
        ollama.show("nope")


def test_a_show_of_wrong_types_tells_what_is_left(fake: FakeBackend, ollama: OllamaBackend) -> None:
    fake.always("/api/show", Status(body={"details": None, "model_info": [], "license": ["a"] * 10_000}))

    shown = ollama.show(LOADED.name)

    assert len(shown["license"]) == 200
    assert shown["family"] == "llama", "the listing knows it"
    assert "template" not in shown


def test_calls_go_to_the_native_api(fake: FakeBackend, ollama: OllamaBackend) -> None:
    chat = ollama.chat(ChatRequest("m", (Message("user", (Text("Hi"),)),)))
    completion = ollama.completion(CompletionRequest("m", "Once"))
    embedding = ollama.embed(EmbeddingRequest("m", ("a",)))

    assert (chat.path, completion.path, embedding.path) == ("/api/chat", "/api/generate", "/api/embed")
    assert b'"m"' in chat.body
    assert b'"m"' in completion.body
    assert b'"m"' in embedding.body
    assert [(call.reach().host, call.reach().port) for call in (chat, embedding)] == [("127.0.0.1", fake.port)] * 2


def test_an_effort_is_kept_from_models_that_cannot_think(ollama: OllamaBackend) -> None:
    ollama.models()
    request = ChatRequest(LOADED.name, (Message("user", (Text("Hi"),)),), reasoning_effort="high")
    thinking = ChatRequest(EYES.name, request.messages, reasoning_effort="high")

    assert b'"think"' not in ollama.chat(request).body
    assert b'"think":"high"' in ollama.chat(thinking).body
