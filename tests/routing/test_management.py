"""A change is made at the backend that the model was found at, whatever is chosen a moment later."""

from __future__ import annotations

import pytest

from backend.backends.backend import Backend
from backend.backends.lmstudio import LMStudioBackend
from backend.backends.ollama import OllamaBackend
from backend.errors import GatewayError
from backend.management import Management
from backend.observers.exchange import Observers
from backend.relay.deadlines import Deadlines
from backend.relay.meter import Meter
from backend.routing.catalogue import Catalogue
from backend.routing.selection import Selection
from backend.settings import Settings
from tests.fake_backend import FakeBackend


class Fickle(Selection):
    """Ollama at the first look, LM Studio ever after."""

    looks = 0

    def current(self) -> Backend:
        self.looks += 1
        return self._candidates[0 if self.looks == 1 else 1]


def test_the_backend_may_change_between_two_looks() -> None:
    with FakeBackend("ollama", ["both"]) as ollama, FakeBackend("lmstudio", ["both"]) as lmstudio:
        settings = Settings.read({"OLLAMA_URL": ollama.url, "LMSTUDIO_URL": lmstudio.url}, None)
        selection = Fickle([OllamaBackend.of(settings), LMStudioBackend.of(settings)])
        management = Management(selection, Catalogue(selection, ""), Deadlines(1, 1, 1), is_enabled=True)
        meter = Meter(Observers([]), "r", "POST", "/models/unload")

        management.unload("both", False, meter)

        assert not [request for request in ollama.requests if request.method != "GET"]
        assert lmstudio.requests
        assert meter.backend == "lmstudio"


def test_what_the_found_backend_cannot_do_is_refused_in_its_own_words() -> None:
    with FakeBackend("ollama", ["both"]) as ollama, FakeBackend("lmstudio", ["both"]) as lmstudio:
        settings = Settings.read({"OLLAMA_URL": ollama.url, "LMSTUDIO_URL": lmstudio.url}, None)
        selection = Fickle([OllamaBackend.of(settings), LMStudioBackend.of(settings)])
        management = Management(selection, Catalogue(selection, ""), Deadlines(1, 1, 1), is_enabled=True)

        with pytest.raises(GatewayError, match="LM Studio cannot delete"):
            management.delete("both", Meter(Observers([]), "r", "DELETE", "/models/<path:name>"))

        assert not [request for request in ollama.requests if request.method == "DELETE"]
