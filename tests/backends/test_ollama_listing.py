"""What Ollama's models can do, what shares their memory, where they run: what `/api/tags` alone does not tell."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from backend.backends.ollama import OllamaBackend
from backend.backends.ollama_listing import is_cloud_name
from backend.backends.ollama_shown import AGAIN_S, MOST_AT_A_TIME
from backend.dialects.chat import ChatRequest, Message, Model, Text
from backend.settings import Settings
from tests.captures import read, replay
from tests.fake_backend import FakeBackend, FakeModel, Status

CHAT = FakeModel("llama3.2:latest", capabilities=("completion", "tools", "thinking"), tagged=("completion",))
COPY = replace(CHAT, name="mine:latest", copy_of=CHAT.name)
CLOUD = FakeModel("gpt-oss:120b-cloud", capabilities=("completion",), tagged=(), remote="https://ollama.example:443")


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def fake() -> Iterator[FakeBackend]:
    with FakeBackend("ollama", [CHAT]) as fake:
        yield fake


def backend_of(fake: FakeBackend, clock: Clock | None = None) -> OllamaBackend:
    return OllamaBackend.of(Settings.read({"OLLAMA_URL": fake.url}, None), clock or Clock())


@pytest.fixture
def ollama(fake: FakeBackend) -> OllamaBackend:
    return backend_of(fake)


def by_id(ollama: OllamaBackend) -> dict[str, Model]:
    return {model.id: model for model in ollama.models()}


def shows(fake: FakeBackend) -> list[Any]:
    return [request.json["model"] for request in fake.requests_to("/api/show")]


def body_of(ollama: OllamaBackend, model: str, effort: str) -> dict[str, Any]:
    request = ChatRequest(model, (Message("user", (Text("Hi"),)),), reasoning_effort=effort)
    return dict(json.loads(ollama.chat(request).body))


# -- what they can do ------------------------------------------------------------------------------


def test_capabilities_are_those_that_show_tells_so_that_an_effort_arrives(
    fake: FakeBackend, ollama: OllamaBackend
) -> None:
    assert by_id(ollama)[CHAT.name].capabilities == ("chat", "completion", "tools", "thinking")
    assert body_of(ollama, CHAT.name, "high")["think"] == "high"


def test_a_real_ollama_whose_tags_leave_tools_and_thinking_out_is_seen_through(
    fake: FakeBackend, ollama: OllamaBackend
) -> None:
    tags = json.loads(read("models_01_tags").body)["models"]
    assert next(tag for tag in tags if tag["name"] == "scripted-tool:latest")["capabilities"] == ["completion"]
    fake.always("/api/tags", *replay("models_01_tags"))
    fake.always("/api/show", *replay("models_05_show_thinking_tools"))

    assert set(by_id(ollama)["scripted-tool:latest"].capabilities) == {"chat", "completion", "tools", "thinking"}
    assert body_of(ollama, "scripted-tool:latest", "low")["think"] == "low"


def test_show_is_asked_once_for_each_digest(fake: FakeBackend, ollama: OllamaBackend) -> None:
    fake.models = [CHAT, COPY]
    ollama.models()
    ollama.models()
    assert len(shows(fake)) == 1

    fake.models = [replace(CHAT, copy_of="pulled anew", capabilities=("completion",))]
    assert by_id(ollama)[CHAT.name].capabilities == ("chat", "completion")
    assert "think" not in body_of(ollama, CHAT.name, "high")


def test_another_version_of_ollama_is_asked_anew(fake: FakeBackend, ollama: OllamaBackend) -> None:
    ollama.version()
    ollama.models()
    fake.fake.version = "0.34.0"
    ollama.version()
    ollama.models()

    assert shows(fake) == [CHAT.name] * 2


def test_a_model_that_cannot_be_shown_is_listed_as_the_tags_say_and_asked_about_again_later(fake: FakeBackend) -> None:
    clock = Clock()
    ollama = backend_of(fake, clock)
    fake.always("/api/show", Status(500, body={"error": "no"}))
    for _ in range(3):
        assert by_id(ollama)[CHAT.name].capabilities == ("chat", "completion")
    assert len(shows(fake)) == 1
    assert body_of(ollama, CHAT.name, "high")["think"] == "high", "nobody knows: Ollama may judge"

    fake.forget()
    clock.now += AGAIN_S
    assert "thinking" in by_id(ollama)[CHAT.name].capabilities


def test_very_many_models_are_looked_at_over_several_listings(fake: FakeBackend, ollama: OllamaBackend) -> None:
    fake.models = [replace(CHAT, name=f"m{number}:latest") for number in range(MOST_AT_A_TIME + 10)]

    first, second = by_id(ollama), by_id(ollama)

    assert sum("thinking" in model.capabilities for model in first.values()) == MOST_AT_A_TIME
    assert all("thinking" in model.capabilities for model in second.values())
    assert len(shows(fake)) == len(fake.models)


# -- the context that they would be loaded with ----------------------------------------------------


@pytest.mark.parametrize(
    ("num_ctx", "trained", "context"),
    [(None, 131072, 4096), (16384, 131072, 16384), (16384, 2048, 2048), (None, 2048, 2048)],
)
def test_the_context_of_an_unloaded_model_is_the_one_that_it_would_be_loaded_with(
    fake: FakeBackend, ollama: OllamaBackend, num_ctx: int | None, trained: int, context: int
) -> None:
    fake.models = [replace(CHAT, num_ctx=num_ctx, context_length=trained)]

    (model,) = ollama.models()

    assert (model.context_length, model.trained_context_length) == (context, trained)


def test_a_loaded_model_tells_the_servers_default(fake: FakeBackend, ollama: OllamaBackend) -> None:
    def running(context: int) -> None:
        told = {"name": "b:latest", "digest": fake.models[1].digest, "context_length": context}
        fake.script("/api/ps", Status(body={"models": [told]}))

    fake.models = [replace(CHAT, name=name, num_ctx=None, context_length=131072) for name in ("a:latest", "b:latest")]
    running(32768)
    assert [model.context_length for model in ollama.models()] == [32768, 32768]
    running(65536)  # somebody asked for more: that is no default
    assert [model.context_length for model in ollama.models()] == [32768, 65536]
    fake.script("/api/ps", Status(body={"models": []}))
    assert [model.context_length for model in ollama.models()] == [32768, 32768]


def test_a_real_model_with_a_context_of_its_own(fake: FakeBackend, ollama: OllamaBackend) -> None:
    fake.always("/api/tags", *replay("models_01_tags"))
    fake.always("/api/show", *replay("models_04_show_system_params_licence"))

    model = by_id(ollama)["lab/demo:fr"]

    assert (model.context_length, model.trained_context_length) == (768, 1024)


# -- names that share their weights -----------------------------------------------------------------


def test_a_copy_is_loaded_when_its_other_name_is(fake: FakeBackend, ollama: OllamaBackend) -> None:
    fake.models = [replace(CHAT, is_loaded=True), COPY, replace(CHAT, name="else:latest")]

    models = by_id(ollama)

    assert [model.is_loaded for model in models.values()] == [True, True, False]
    assert models[COPY.name].memory_bytes == models[CHAT.name].memory_bytes == 3_000_000_000
    assert (models[CHAT.name].shares_with, models[COPY.name].shares_with) == ((COPY.name,), (CHAT.name,))
    assert models["else:latest"].shares_with == ()


def test_names_of_the_same_weights_share_a_runner_only_where_they_are_loaded_alike(
    fake: FakeBackend, ollama: OllamaBackend
) -> None:
    talkative = FakeModel("talkative:latest", weights="w", is_loaded=True)
    brief = FakeModel("brief:latest", weights="w")
    wide = FakeModel("wide:latest", weights="w", num_ctx=8192)
    fake.models = [talkative, brief, wide]

    models = by_id(ollama)

    assert [model.is_loaded for model in models.values()] == [True, True, False]
    assert models["wide:latest"].shares_with == ("talkative:latest", "brief:latest")


def test_two_real_models_of_one_file(fake: FakeBackend, ollama: OllamaBackend) -> None:
    fake.always("/api/tags", *replay("models_01_tags"))
    fake.always("/api/ps", *replay("models_10_ps_loaded"))
    ids = [tag["name"] for tag in json.loads(read("models_01_tags").body)["models"]]
    for id in ids:
        name = "models_04_show_system_params_licence" if id == "lab/demo:fr" else "models_03_show"
        fake.script("/api/show", *(replay(name) if "demo" in id else (Status(500),)))

    models = by_id(ollama)

    assert (models["demo:latest"].shares_with, models["lab/demo:fr"].shares_with) == (
        ("lab/demo:fr",),
        ("demo:latest",),
    )
    assert (models["demo:latest"].is_loaded, models["lab/demo:fr"].is_loaded) == (True, False)


def test_leaving_a_copy_of_a_loaded_model_cannot_abort_a_load(fake: FakeBackend, ollama: OllamaBackend) -> None:
    fake.models = [replace(CHAT, is_loaded=True), COPY]
    ollama.models()
    guard = ollama.chat(ChatRequest(COPY.name, ())).guard
    assert guard is not None
    guard.answered()
    told = {"name": CHAT.name, "digest": CHAT.digest, "expires_at": "2126-11-21T10:00:00Z"}
    fake.script("/api/ps", Status(body={"models": [told]}))

    ollama.models()

    assert not guard.may_be_loading()


# -- models that run elsewhere ----------------------------------------------------------------------


def test_a_cloud_model_is_marked_and_nothing_is_asked_about_it(fake: FakeBackend, ollama: OllamaBackend) -> None:
    fake.models = [CLOUD, CHAT]
    fake.fake.is_cloud_off = True

    cloud, local = ollama.models()
    ollama.models()

    assert (cloud.is_cloud, local.is_cloud) == (True, False)
    assert (cloud.is_loaded, cloud.shares_with) == (None, ())
    assert shows(fake) == [CHAT.name]
    assert ollama.show(CLOUD.name)["is_cloud"] is True
    assert shows(fake) == [CHAT.name]


@pytest.mark.parametrize(
    ("name", "is_cloud"),
    [
        ("gpt-oss:120b-cloud", True),
        ("kimi-k2:cloud", True),
        ("gpt-oss:20b:Cloud", True),
        ("cloud", False),
        ("cloud:latest", False),
        ("nimbus-cloud:7b", False),
        ("hf.co/my-cloud/model:Q4", False),
        ("hf.co/a/b:Q4-cloud", True),
    ],
)
def test_ollama_sends_some_names_to_its_cloud(name: str, is_cloud: bool) -> None:
    assert is_cloud_name(name) is is_cloud
