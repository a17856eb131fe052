"""Which models there are and what names mean, over a fake Ollama unless another server is told."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence

import gevent
import pytest

from backend.backends.backend import Backend
from backend.backends.lmstudio import LMStudioBackend
from backend.backends.ollama import OllamaBackend
from backend.backends.openai import OpenAIBackend
from backend.errors import BackendUnavailable, ModelNotFound
from backend.routing.catalogue import STALE_S, Catalogue
from backend.routing.selection import Selection
from backend.settings import Settings
from tests.fake_backend import FakeBackend, FakeModel, Status

MODELS = [
    FakeModel("nomic-embed-text:latest", "bert", capabilities=("embedding",), is_loaded=True),
    FakeModel("llama3.2:latest"),
    FakeModel("qwen3:4b", is_loaded=True),
    FakeModel("qwen3:30b"),
]


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Rig:
    def __init__(self, fake: FakeBackend, default_model: str = "", others: Sequence[Backend] = ()) -> None:
        self.fake = fake
        urls = {"OLLAMA_URL": fake.url, "LMSTUDIO_URL": fake.url, "OPENAI_URL": fake.url + "/v1"}
        settings = Settings.read({**urls, "CONNECT_TIMEOUT_S": "1"}, None)
        kinds = {"ollama": OllamaBackend.of, "lmstudio": LMStudioBackend.of, "openai": OpenAIBackend.of}
        self.backend: Backend = kinds[fake.kind](settings)
        self.selection = Selection([self.backend, *others])
        self.clock = Clock()
        self.catalogue = Catalogue(self.selection, default_model, clock=self.clock)

    @property
    def listings(self) -> int:
        """How often the backend was asked for its models."""
        return len(self.fake.requests_to("/api/tags")) + len(self.fake.requests_to("/v1/models"))

    def find(self, name: str) -> str:
        return self.catalogue.find(name)[1].id

    def let_background_work_finish(self) -> None:
        gevent.idle()


@pytest.fixture
def fake() -> Iterator[FakeBackend]:
    with FakeBackend("ollama", MODELS) as fake:
        yield fake


@pytest.fixture
def rig(fake: FakeBackend) -> Rig:
    return Rig(fake)


def test_a_listing_is_kept_for_a_while(rig: Rig) -> None:
    assert [model.id for model in rig.catalogue.models()] == [model.name for model in MODELS]
    rig.clock.now += 4.9
    rig.catalogue.models()
    assert rig.listings == 1

    rig.clock.now += 0.2
    rig.catalogue.models()
    assert rig.listings == 2


def test_a_name_is_found_with_its_backend_and_no_request(rig: Rig) -> None:
    rig.catalogue.models()

    backend, model = rig.catalogue.find("LLAMA3.2")

    assert (backend, model.id) == (rig.backend, "llama3.2:latest")
    assert rig.catalogue.find("LLAMA3.2")[1] is model
    assert rig.listings == 1


def test_an_old_listing_is_good_enough_to_find_and_is_renewed_behind(rig: Rig) -> None:
    rig.catalogue.models()
    rig.fake.models = [*MODELS, "new:1b"]
    rig.clock.now += 3600

    assert rig.find("llama3.2") == "llama3.2:latest"
    assert rig.listings == 1
    rig.let_background_work_finish()

    assert rig.listings == 2
    assert rig.find("new:1b") == "new:1b"
    assert rig.listings == 2


def test_an_unknown_name_looks_at_once_but_at_most_once_a_second(rig: Rig) -> None:
    rig.catalogue.models()
    rig.clock.now += 1
    rig.fake.models = [*MODELS, "new:1b"]

    assert rig.find("new:1b") == "new:1b"
    for _ in range(10):
        with pytest.raises(ModelNotFound):
            rig.find("newer:1b")
    assert rig.listings == 2


def test_an_unknown_name_is_answered_with_close_ones(rig: Rig) -> None:
    with pytest.raises(ModelNotFound) as caught:
        rig.find("qwen3:8b")

    assert caught.value.message == "Ollama has no model 'qwen3:8b'. Close: qwen3:4b, qwen3:30b."
    assert (caught.value.status, caught.value.code, caught.value.param) == (404, "model_not_found", "model")


def test_at_most_five_close_names_are_told() -> None:
    with FakeBackend("ollama", [f"llama{i}:latest" for i in range(9)]) as fake, pytest.raises(ModelNotFound) as caught:
        Rig(fake).find("llama")

    assert caught.value.message.count(":latest") == 5


@pytest.mark.parametrize("name", ["gpt-4o", "x" * 10_000, "a\r\nb", "\x1b[31m", "é" * 50])
def test_a_name_like_no_other_is_told_where_to_look(rig: Rig, name: str) -> None:
    with pytest.raises(ModelNotFound, match="GET /models lists those it has") as caught:
        rig.find(name)

    assert caught.value.message.isprintable()
    assert len(caught.value.message) < 200


# -- the default model


@pytest.mark.parametrize(
    ("setting", "meant"),
    [("", "qwen3:4b"), ("LLAMA3.2", "llama3.2:latest"), ("gone:1b", "qwen3:4b")],
)
def test_no_name_means_the_setting_or_the_first_loaded_model_that_chats(
    fake: FakeBackend, setting: str, meant: str
) -> None:
    rig = Rig(fake, setting)

    assert rig.find("") == rig.catalogue.default() == meant


def test_a_default_model_that_is_gone_is_told_once(fake: FakeBackend, caplog: pytest.LogCaptureFixture) -> None:
    rig = Rig(fake, "gone:1b")
    with caplog.at_level(logging.WARNING, "passerelle"):
        for _ in range(3):
            rig.catalogue.models()
            rig.find("")
            rig.clock.now += 10

    assert [record.getMessage() for record in caplog.records] == ["Ollama has no model gone:1b (DEFAULT_MODEL)."]


def test_without_a_loaded_model_the_first_that_chats_is_the_default(rig: Rig) -> None:
    rig.fake.models = [FakeModel("nomic-embed-text", capabilities=("embedding",)), "a:1b", "b:1b"]

    assert rig.catalogue.default() == "a:1b"


@pytest.mark.parametrize(
    ("kind", "advice"), [("ollama", "`ollama pull llama3.2`"), ("lmstudio", "`lms get`"), ("openai", "DEFAULT_MODEL")]
)
def test_without_any_model_it_is_said_how_to_get_one(kind: str, advice: str) -> None:
    with FakeBackend(kind, []) as fake:
        rig = Rig(fake)
        for name in ("", "llama3.2"):
            with pytest.raises(ModelNotFound, match=advice):
                rig.find(name)

        assert rig.catalogue.default() is None
        assert rig.catalogue.models() == []


def test_models_that_cannot_chat_are_no_default(rig: Rig) -> None:
    rig.fake.models = [MODELS[0]]

    assert rig.catalogue.default() is None
    with pytest.raises(ModelNotFound, match="no model that can chat"):
        rig.find("")


def test_a_server_without_a_listing_serves_any_name() -> None:
    with FakeBackend("openai") as fake:
        fake.missing.add("/v1/models")

        assert Rig(fake).find("whatever") == "whatever"
        assert Rig(fake, "my-default").catalogue.default() == "my-default"


# -- a backend that fails


def test_nothing_known_and_nobody_there_is_the_backends_own_sentence(rig: Rig) -> None:
    rig.fake.stop()

    for ask in (rig.catalogue.models, rig.catalogue.default, lambda: rig.find("llama3.2")):
        with pytest.raises(BackendUnavailable, match="Start it with `ollama serve`"):
            ask()


def test_an_old_listing_is_shown_for_a_while_when_the_backend_fails_and_then_no_more(rig: Rig) -> None:
    rig.catalogue.models()
    rig.fake.always("/api/tags", Status(500, body={"error": "on fire"}))

    rig.clock.now += 100
    assert len(rig.catalogue.models()) == 4
    rig.clock.now += STALE_S - 1
    assert len(rig.catalogue.models()) == 4
    rig.clock.now += 2
    with pytest.raises(Exception, match="on fire"):
        rig.catalogue.models()

    rig.fake.always("/api/tags")
    assert len(rig.catalogue.models()) == 4


def test_a_known_name_is_found_while_the_backend_fails_and_an_unknown_one_is_its_failure(rig: Rig) -> None:
    rig.catalogue.models()
    rig.fake.stop()
    rig.clock.now += 100

    assert rig.find("llama3.2") == "llama3.2:latest"
    rig.let_background_work_finish()
    for _ in range(2):
        with pytest.raises(BackendUnavailable):
            rig.find("unknown")


def test_when_the_backend_changes_its_models_are_asked_for(fake: FakeBackend) -> None:
    with FakeBackend("openai", ["other-model"]) as last:
        settings = Settings.read({"OPENAI_URL": last.url + "/v1", "CONNECT_TIMEOUT_S": "1"}, None)
        rig = Rig(fake, others=[OpenAIBackend.of(settings)])
        rig.catalogue.models()

        fake.stop()
        rig.selection.look()

        backend, model = rig.catalogue.find("")
        assert (backend.identity.id, model.id) == ("openai", "other-model")
        assert [model.id for model in rig.catalogue.models()] == ["other-model"]


def fail_a_listing(catalogue: Catalogue) -> None:
    with pytest.raises(BackendUnavailable):
        catalogue.models()


@pytest.mark.parametrize("complain", [fail_a_listing, Catalogue.suspect])
def test_a_backend_that_fails_somebody_is_looked_at_again(
    fake: FakeBackend, complain: Callable[[Catalogue], None]
) -> None:
    with FakeBackend("openai", ["other-model"]) as last:
        settings = Settings.read({"OPENAI_URL": last.url + "/v1", "CONNECT_TIMEOUT_S": "1"}, None)
        selection = Selection([Rig(fake).backend, OpenAIBackend.of(settings)], interval_s=1000)
        catalogue = Catalogue(selection, "")
        selection.look()
        selection.start()
        try:
            fake.stop()
            complain(catalogue)
            with gevent.Timeout(10):
                while selection.current().identity.id != "openai":
                    gevent.sleep(0.005)
        finally:
            selection.stop()


def test_a_listing_is_asked_for_anew_when_the_models_were_changed(rig: Rig, fake: FakeBackend) -> None:
    rig.catalogue.models()
    fake.models = ["new:latest"]

    rig.catalogue.renew()

    assert [model.id for model in rig.catalogue.models()] == ["new:latest"]
    assert rig.listings == 2
