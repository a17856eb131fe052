"""The embedded backend over real engines: which model runs, what is asked of it, what comes back."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from backend.backends.backend import Call
from backend.backends.embedded import EmbeddedBackend
from backend.dialects.chat import (
    Answer,
    ChatRequest,
    Completed,
    CompletionRequest,
    EmbeddingRequest,
    Embeddings,
    Failed,
    Image,
    Message,
    ResponseFormat,
    Sampling,
    Text,
    Tool,
    Usage,
)
from backend.engine.engine import Engine
from backend.engine.folder import DEMO_PATH
from backend.engine.keeper import Address
from backend.errors import (
    BackendFailed,
    BackendUnavailable,
    ContextLengthExceeded,
    ModelNotFound,
    Unsupported,
)
from backend.settings import Settings
from tests.engine.gguf_file import english_only, entry, with_entries
from tests.engine.running_engine import DEADLINE_S, ask, eventually, is_running, long_stream
from tools.demo_model.corpus import PRESETS as PRESETS_FILE
from tools.demo_model.corpus import TAUGHT_PRESETS, Corpus
from tools.demo_model.taught import Taught, taught_preset_answers

PRESETS = json.loads(PRESETS_FILE.read_text(encoding="utf-8"))
CASES = [(preset, language) for preset in TAUGHT_PRESETS for language in ("en", "fr")]


def settings(models_dir: Path, **changes: str) -> Settings:
    return Settings.read({"MODELS_DIR": str(models_dir), **changes}, env_file=None)


def chat(model: str, text: str = "What is a token?", **changes: object) -> ChatRequest:
    return ChatRequest(model, (Message("user", (Text(text),)),), **changes)  # type: ignore[arg-type]


def post(call: Call) -> tuple[int, str, bytes]:
    """Status, content type and body."""
    endpoint = call.reach()
    headers = {"Authorization": endpoint.authorization, "Content-Type": "application/json"}
    with contextlib.closing(http.client.HTTPConnection(endpoint.host, endpoint.port, timeout=DEADLINE_S)) as connection:
        connection.request("POST", endpoint.base_path + call.path, call.body, headers)
        response = connection.getresponse()
        return response.status, response.headers["Content-Type"], response.read()


def answered(call: Call) -> Answer:
    """The whole answer to a call; raises what the backend's failure means."""
    status, content_type, body = post(call)
    if status != 200:
        raise call.refusal(status, body)
    call.decoder.begin(content_type)
    events = call.decoder.feed(body) + call.decoder.end()
    if isinstance(events[-1], Failed):
        raise events[-1].error
    assert isinstance(events[-1], Completed)
    answer = Answer()
    for event in events:
        answer.add(event)
    return answer


def start(backend: EmbeddedBackend, engine: Engine) -> Address:
    """Look at it as Selection does, and wait until the engine is there, however busy this machine is."""
    backend.version()
    return engine.address(DEADLINE_S)


def text_of(answer: Answer) -> str:
    return "".join(answer.choices[0].text)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedBackend]:
    engine = Engine()
    backend = EmbeddedBackend(settings(tmp_path_factory.mktemp("models")), engine)
    start(backend, engine)
    yield backend
    engine.stop()


@pytest.fixture(scope="module")
def taught() -> Taught:
    corpus = Corpus()
    return taught_preset_answers(corpus, "en") | taught_preset_answers(corpus, "fr")


# -- the demo model


def test_without_a_gguf_the_demo_model_is_listed_and_called_a_demo(demo: EmbeddedBackend) -> None:
    (model,) = demo.models()

    assert (model.id, model.name, model.is_demo, model.is_loaded) == ("passerelle-demo", "Passerelle demo", True, True)
    assert (model.family, model.parameters, model.quantization) == ("llama", "2.6M", "Q8_0")
    assert (model.context_length, model.size_bytes, model.backend) == (1024, 2_842_112, "embedded")
    assert model.capabilities == ("completion",)


def test_the_version_is_the_packages(demo: EmbeddedBackend) -> None:
    assert demo.version().startswith("xllamacpp 20")


@pytest.mark.parametrize(("preset", "language"), CASES)
def test_a_preset_gets_its_taught_answer(demo: EmbeddedBackend, taught: Taught, preset: str, language: str) -> None:
    texts = next(entry for entry in PRESETS if entry["id"] == preset)
    messages = (
        Message("system", (Text(texts["system"][language]),)),
        Message("user", (Text(texts["user"][language]),)),
    )

    answer = answered(demo.chat(ChatRequest("passerelle-demo", messages)))

    topic, spoken = taught[text_of(answer)]
    assert (topic.split(":")[0], spoken) == (preset, language)
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.output_tokens > 10


def test_the_demo_model_is_paced_and_at_temperature_zero_whatever_is_asked(demo: EmbeddedBackend) -> None:
    hot = Sampling(temperature=2.0, seed=5)

    call = demo.chat(chat("passerelle-demo", sampling=hot))
    plain = demo.completion(CompletionRequest("passerelle-demo", "Tokens are", sampling=hot))

    assert [json.loads(asked.body)["temperature"] for asked in (call, plain)] == [0, 0]
    assert (call.pace_s, plain.pace_s) == (0.02, 0.02)
    assert text_of(answered(call)) == text_of(answered(demo.chat(chat("passerelle-demo"))))
    assert text_of(answered(plain))


REFUSED = {
    "tools": {"tools": (Tool("weather"),)},
    "response_format": {"response_format": ResponseFormat("json_object")},
    "messages": {"messages": (Message("user", (Image("image/png", "AAAA"),)),)},
}


@pytest.mark.parametrize("param", REFUSED)
def test_what_the_demo_model_cannot_do_is_refused_by_name(demo: EmbeddedBackend, param: str) -> None:
    request = {"messages": chat("x").messages, **REFUSED[param]}

    with pytest.raises(Unsupported) as raised:
        demo.chat(ChatRequest("passerelle-demo", **request))  # type: ignore[arg-type]

    assert (raised.value.status, raised.value.param) == (400, param)


def test_a_model_for_text_makes_no_embeddings(demo: EmbeddedBackend) -> None:
    with pytest.raises(Unsupported, match="makes no embeddings"):
        demo.embed(EmbeddingRequest("passerelle-demo", ("a",)))


def test_a_prompt_that_does_not_fit_is_said_to_be_too_long(demo: EmbeddedBackend) -> None:
    call = demo.chat(chat("passerelle-demo", "long " * 3000))

    with pytest.raises(ContextLengthExceeded):
        answered(call)


@pytest.mark.parametrize(
    "name", ["", "gpt-4", "../passerelle-demo", str(DEMO_PATH), "passerelle-demo-q8_0", "x" * 5000]
)
def test_an_unknown_model_is_refused_and_never_a_path(demo: EmbeddedBackend, name: str) -> None:
    assert demo.resolve(name, demo.models()) is None
    for call in (demo.chat, demo.show):
        with pytest.raises(ModelNotFound) as raised:
            call(chat(name) if call == demo.chat else name)  # type: ignore[operator]
        assert len(raised.value.message) < 300


@pytest.mark.parametrize("name", ["passerelle-demo", "passerelle-demo.gguf"])
def test_a_model_is_found_with_and_without_its_suffix(demo: EmbeddedBackend, name: str) -> None:
    model = demo.resolve(name, demo.models())

    assert model is not None
    assert model.id == "passerelle-demo"


def test_all_that_the_file_says_is_shown(demo: EmbeddedBackend) -> None:
    shown = demo.show("passerelle-demo")

    assert (shown["license"], shown["parameters"], shown["parameter_count"]) == ("MIT", "2.6M", 2_607_168)
    assert (shown["context_length"], shown["trained_context_length"], shown["families"]) == (1024, 1024, ["llama"])
    assert "<|im_start|>" in shown["template"]
    assert shown["details"]["llama.block_count"] == 5
    json.dumps(shown)


def test_the_key_of_the_engine_does_not_show(demo: EmbeddedBackend) -> None:
    assert "Bearer" not in repr(demo.chat(chat("passerelle-demo")).reach())


# -- a folder of models


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = Engine()
    yield engine
    engine.stop()


def test_a_gguf_in_the_folder_is_an_ordinary_model(folder: Path, engine: Engine) -> None:
    shutil.copy(DEMO_PATH, folder / "mine.gguf")
    backend = EmbeddedBackend(settings(folder, ENGINE_CONTEXT="512"), engine)
    start(backend, engine)

    (model,) = backend.models()
    call = backend.chat(chat("mine", sampling=Sampling(temperature=0.5)))

    assert (model.id, model.is_demo, model.is_loaded, model.context_length) == ("mine", False, True, 512)
    assert call.pace_s is None
    assert json.loads(call.body)["temperature"] == 0.5
    assert text_of(answered(call))


def test_nothing_runs_before_somebody_asks(folder: Path, engine: Engine) -> None:
    backend = EmbeddedBackend(settings(folder), engine)

    assert [model.is_loaded for model in backend.models()] == [False]
    backend.leave()

    assert engine.loaded is None
    with pytest.raises(BackendUnavailable):
        engine.address()


def test_the_default_model_is_the_named_one_or_the_first_that_speaks(folder: Path, engine: Engine) -> None:
    with_entries(DEMO_PATH, folder / "a-embedder.gguf", [entry("llama.pooling_type", 1)])
    for name in ("b", "c"):
        shutil.copy(DEMO_PATH, folder / f"{name}.gguf")

    EmbeddedBackend(settings(folder), engine).version()
    first = engine.loaded
    engine.stop()
    EmbeddedBackend(settings(folder, DEFAULT_MODEL="c.gguf"), engine).version()

    assert first is not None
    assert first.model == "b"
    assert engine.loaded is not None
    assert engine.loaded.model == "c"


def test_asking_for_another_model_changes_over_when_nobody_is_served(folder: Path, engine: Engine) -> None:
    for name in ("a", "b"):
        shutil.copy(DEMO_PATH, folder / f"{name}.gguf")
    backend = EmbeddedBackend(settings(folder), engine)
    start(backend, engine)

    answer = answered(backend.chat(chat("b")))

    assert answer.started.model == "b"
    assert [(model.id, model.is_loaded) for model in backend.models()] == [("a", False), ("b", True)]
    backend.version()
    assert backend.models()[1].is_loaded, "a probe must not change back"


def test_asking_for_another_model_is_refused_while_somebody_is_served(folder: Path, engine: Engine) -> None:
    for name in ("a", "b"):
        shutil.copy(DEMO_PATH, folder / f"{name}.gguf")
    backend = EmbeddedBackend(settings(folder), engine)
    start(backend, engine)
    with long_stream(engine.address()) as stream:
        stream.recv(100)

        with pytest.raises(BackendUnavailable, match="one model at a time") as raised:
            backend.chat(chat("b")).reach()

        assert (raised.value.status, raised.value.code, raised.value.retry_after_s) == (503, "model_busy", 5)
        assert backend.models()[0].is_loaded


def test_a_call_that_has_not_arrived_yet_counts_as_served(folder: Path, engine: Engine) -> None:
    for name in ("a", "b"):
        shutil.copy(DEMO_PATH, folder / f"{name}.gguf")
    backend = EmbeddedBackend(settings(folder), engine)
    start(backend, engine)

    backend.chat(chat("a")).reach()

    with pytest.raises(BackendUnavailable, match="one model at a time"):
        backend.chat(chat("b")).reach()


def test_a_damaged_default_model_is_said_by_the_probe(folder: Path, engine: Engine) -> None:
    (folder / "half.gguf").write_bytes(DEMO_PATH.read_bytes()[:1_500_000])
    backend = EmbeddedBackend(settings(folder), engine)

    with pytest.raises(BackendFailed, match=r"cannot load half.gguf"):
        backend.chat(chat("half")).reach()
    with pytest.raises(BackendUnavailable, match=r"cannot load half.gguf"):
        backend.version()


def test_a_damaged_model_that_somebody_asked_for_does_not_stay(folder: Path, engine: Engine) -> None:
    shutil.copy(DEMO_PATH, folder / "good.gguf")
    (folder / "half.gguf").write_bytes(DEMO_PATH.read_bytes()[:1_500_000])
    backend = EmbeddedBackend(settings(folder), engine)
    start(backend, engine)

    with pytest.raises(BackendFailed, match=r"cannot load half.gguf"):
        backend.chat(chat("half")).reach()

    assert backend.version().startswith("xllamacpp")
    assert text_of(answered(backend.chat(chat("good"))))


def test_a_folder_of_rubbish_is_not_hidden_by_the_demo_model(folder: Path, engine: Engine) -> None:
    (folder / "page.gguf").write_text("<html>")
    backend = EmbeddedBackend(settings(folder), engine)

    with pytest.raises(BackendUnavailable, match=r"page.gguf .* is not a GGUF file"):
        backend.version()


def test_beside_a_model_that_speaks_no_french_the_demo_stays(folder: Path, engine: Engine) -> None:
    english_only(folder / "small.gguf")
    backend = EmbeddedBackend(settings(folder), engine)

    backend.version()

    assert [(model.id, model.is_demo, model.languages) for model in backend.models()] == [
        ("small", False, ("en",)),
        ("passerelle-demo", True, ("en", "fr")),
    ]
    assert engine.loaded is not None
    assert engine.loaded.model == "small"


def test_what_the_maker_recommends_is_used_where_the_caller_says_nothing(folder: Path, engine: Engine) -> None:
    own = [entry("general.sampling.temp", 0.3), entry("general.sampling.top_k", 20)]
    with_entries(DEMO_PATH, folder / "mine.gguf", own)
    backend = EmbeddedBackend(settings(folder), engine)

    silent = json.loads(backend.chat(chat("mine")).body)
    plain = json.loads(backend.completion(CompletionRequest("mine", "Tokens are")).body)
    said = json.loads(backend.chat(chat("mine", sampling=Sampling(temperature=1.0, top_p=0.5))).body)

    assert [(asked["temperature"], asked["top_k"], asked.get("top_p")) for asked in (silent, plain, said)] == [
        (0.3, 20, None),
        (0.3, 20, None),
        (1.0, 20, 0.5),
    ]
    assert backend.models()[0].sampling == {"temperature": 0.3, "top_k": 20}
    assert backend.show("mine")["sampling"] == {"temperature": 0.3, "top_k": 20}


def test_a_gguf_that_appears_takes_the_place_of_the_demo_model(folder: Path, engine: Engine) -> None:
    backend = EmbeddedBackend(settings(folder), engine)
    start(backend, engine)
    assert backend.models()[0].is_demo

    shutil.copy(DEMO_PATH, folder / "mine.gguf")
    start(backend, engine)

    assert [(model.id, model.is_demo, model.is_loaded) for model in backend.models()] == [("mine", False, True)]


def test_embeddings_come_from_a_model_with_pooling(folder: Path, engine: Engine) -> None:
    with_entries(DEMO_PATH, folder / "embedder.gguf", [entry("llama.pooling_type", 1)])
    backend = EmbeddedBackend(settings(folder), engine)
    call = backend.embed(EmbeddingRequest("embedder", ("one text", "another", "one text")))

    status, _, answer = post(call)

    assert status == 200
    (embeddings, *_) = call.decoder.feed(answer) + call.decoder.end()
    assert isinstance(embeddings, Embeddings)
    assert [len(vector) for vector in embeddings.vectors] == [192, 192, 192]
    assert embeddings.vectors[0] == pytest.approx(embeddings.vectors[2])
    assert embeddings.vectors[0] != pytest.approx(embeddings.vectors[1])
    assert embeddings.input_tokens > 0
    with pytest.raises(Unsupported, match="embeddings only"):
        backend.chat(chat("embedder"))


def test_a_text_too_long_to_embed_is_the_callers_fault(folder: Path, engine: Engine) -> None:
    with_entries(DEMO_PATH, folder / "embedder.gguf", [entry("llama.pooling_type", 1)])
    backend = EmbeddedBackend(settings(folder), engine)
    call = backend.embed(EmbeddingRequest("embedder", ("long " * 3000,)))

    status, _, answer = post(call)

    error = call.refusal(status, answer)
    assert (error.status, error.code) == (400, "context_length_exceeded")


# -- coming and going


def test_leaving_stops_the_engine_once_nobody_is_served(folder: Path, engine: Engine) -> None:
    backend = EmbeddedBackend(settings(folder), engine)
    process = start(backend, engine).process_id
    with long_stream(engine.address()) as stream:
        stream.recv(100)
        backend.leave()
        assert is_running(process)

    assert eventually(lambda: engine.loaded is None and not is_running(process))
    backend.version()
    assert text_of(answered(backend.chat(chat("passerelle-demo"))))


def test_being_wanted_again_calls_the_leaving_off(folder: Path, engine: Engine) -> None:
    backend = EmbeddedBackend(settings(folder), engine)
    address = start(backend, engine)
    with long_stream(address) as stream:
        stream.recv(100)
        backend.leave()
        backend.version()

    assert eventually(lambda: not engine.is_busy())
    assert not eventually(lambda: engine.loaded is None, within_s=1)
    assert engine.address() == address


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL to send")
def test_a_request_after_a_crash_waits_for_the_new_engine(folder: Path, engine: Engine) -> None:
    backend = EmbeddedBackend(settings(folder), engine)
    first = start(backend, engine)
    os.kill(first.process_id, signal.SIGKILL)
    assert eventually(lambda: engine.ready() != first)

    answer = answered(backend.chat(chat("passerelle-demo")))

    assert text_of(answer).startswith("Tokens are")
    assert isinstance(answer.usage, Usage)


def test_slots_are_idle_after_a_whole_answer(demo: EmbeddedBackend) -> None:
    answered(demo.chat(chat("passerelle-demo")))
    endpoint = demo.chat(chat("passerelle-demo")).reach()

    slots = ask(endpoint.port, "/slots", key=endpoint.authorization.removeprefix("Bearer "))[2]

    assert not any(slot["is_processing"] for slot in slots)
