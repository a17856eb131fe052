"""Which backend is used: real servers come, go and hang."""

from __future__ import annotations

import logging
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import gevent
import pytest

from backend.backends.backend import Backend
from backend.backends.lmstudio import LMStudioBackend
from backend.backends.ollama import OllamaBackend
from backend.backends.openai import OpenAIBackend
from backend.errors import BackendUnavailable
from backend.observers.exchange import Exchange
from backend.routing.selection import Selection
from backend.settings import Settings
from tests.fake_backend import FakeBackend, FakeModel, Hang, Status

ROOT = Path(__file__).resolve().parents[2]


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Leaving(OpenAIBackend):
    """The last candidate, as the embedded engine: it wants to be told when it is not needed."""

    times_left = 0

    def leave(self) -> None:
        self.times_left += 1


class Household:
    """Three servers and the candidates for them, in auto's order."""

    def __init__(self, stack: ExitStack) -> None:
        self.ollama = stack.enter_context(FakeBackend("ollama"))
        self.lmstudio = stack.enter_context(FakeBackend("lmstudio"))
        self.last = stack.enter_context(FakeBackend("openai"))
        self.settings = Settings.read(
            {
                "OLLAMA_URL": self.ollama.url,
                "LMSTUDIO_URL": self.lmstudio.url,
                "OPENAI_URL": self.last.url + "/v1",
                "CONNECT_TIMEOUT_S": "1",
            },
            None,
        )
        self.leaving = Leaving.of(self.settings)
        self.candidates: list[Backend] = [
            OllamaBackend.of(self.settings),
            LMStudioBackend.of(self.settings),
            self.leaving,
        ]
        self.clock = Clock()

    def auto(self) -> Selection:
        return Selection(self.candidates, clock=self.clock)


@pytest.fixture
def house() -> Iterator[Household]:
    with ExitStack() as stack:
        yield Household(stack)


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    caplog.set_level(logging.INFO, "passerelle")
    return lambda: [re.sub(r"http://127.0.0.1:\d+", "URL", record.getMessage()) for record in caplog.records]


def until(is_met: Callable[[], bool]) -> None:
    with gevent.Timeout(10):
        while not is_met():
            gevent.sleep(0.005)


def test_the_best_that_answers_is_chosen_and_the_others_are_not_asked(house: Household) -> None:
    selection = house.auto()

    selection.look()

    assert selection.current().identity.id == "ollama"
    assert repr(selection) == "<Selection ollama of ollama, lmstudio, openai>"
    assert house.lmstudio.requests == house.last.requests == []


def test_the_state_tells_what_health_shows(house: Household) -> None:
    assert house.auto().state() == {
        "name": "ollama",
        "url": house.ollama.url,
        "version": "0.33.0",
        "ok": True,
        "message": None,
        "empty": [],
    }


def test_the_first_use_looks(house: Household) -> None:
    assert house.auto().current().identity.id == "ollama"


def test_the_next_one_is_taken_when_the_chosen_one_disappears_and_left_when_it_is_back(
    house: Household, said: Callable[[], list[str]]
) -> None:
    selection = house.auto()
    selection.look()

    house.ollama.stop()
    house.lmstudio.stop()
    selection.look()
    assert selection.current().identity.id == "openai"
    house.ollama.start()
    selection.look()
    selection.look()

    assert selection.current().identity.id == "ollama"
    assert house.leaving.times_left == 1
    assert said() == [
        "Using Ollama 0.33.0 at URL.",
        "Using the OpenAI-compatible server at URL/v1, because Ollama does not answer any more.",
        "Using Ollama 0.33.0 at URL instead of the OpenAI-compatible server.",
    ]


def test_where_nobody_answers_every_way_out_is_told(house: Household, said: Callable[[], list[str]]) -> None:
    selection = house.auto()
    for fake in (house.ollama, house.lmstudio, house.last):
        fake.stop()
    selection.look()
    selection.look()

    with pytest.raises(BackendUnavailable) as caught:
        selection.current()

    for way_out in ("`ollama serve`", "`lms server start`", "OPENAI_URL"):
        assert way_out in caught.value.message
    state = selection.state()
    assert (state["name"], state["url"], state["ok"]) == ("auto", None, False)
    assert state["message"] == caught.value.message
    assert len(said()) == 1


def test_where_nobody_answered_a_use_looks_again_but_not_at_once(house: Household) -> None:
    house.ollama.stop()
    house.lmstudio.stop()
    house.last.stop()
    selection = house.auto()
    selection.look()
    house.ollama.start()

    with pytest.raises(BackendUnavailable):
        selection.current()
    house.clock.now += 5

    assert selection.current().identity.id == "ollama"


def test_one_slow_answer_of_a_busy_server_changes_nothing_but_two_do(house: Household) -> None:
    selection = house.auto()
    selection.look()
    house.ollama.always("/api/version", Hang())

    selection.look()
    assert selection.current().identity.id == "ollama"
    assert selection.state()["ok"]
    selection.look()
    assert selection.current().identity.id == "lmstudio"
    house.ollama.always("/api/version")
    selection.look()
    assert selection.current().identity.id == "ollama"


def test_what_was_asked_while_a_better_one_was_silent_is_let_go(house: Household) -> None:
    selection = house.auto()
    house.lmstudio.stop()
    selection.look()
    house.ollama.script("/api/version", Hang())

    selection.look()

    assert selection.current().identity.id == "ollama"
    assert len(house.last.requests) == 1
    assert house.leaving.times_left == 1


def test_a_server_that_answers_nonsense_is_passed_over(house: Household) -> None:
    house.ollama.always("/api/version", Status(200, body=b"<html>"))
    selection = house.auto()

    assert selection.current().identity.id == "lmstudio"


def test_a_fixed_backend_is_current_even_when_it_is_down(house: Household, said: Callable[[], list[str]]) -> None:
    house.ollama.stop()
    selection = Selection(house.candidates[:1])
    selection.look()
    selection.look()

    assert selection.current().identity.id == "ollama"
    state = selection.state()
    assert (state["name"], state["url"], state["ok"]) == ("ollama", house.ollama.url, False)
    assert "`ollama serve`" in state["message"]

    house.ollama.start()
    selection.look()
    assert selection.state()["ok"]
    assert said()[1:] == ["Using Ollama 0.33.0 at URL."]
    assert len(said()) == 2


def test_the_loop_looks_when_somebody_suspects(house: Household) -> None:
    selection = Selection(house.candidates, interval_s=1000)
    selection.look()
    selection.start()
    try:
        house.ollama.stop()
        selection.suspect()
        until(lambda: selection.current().identity.id == "lmstudio")
    finally:
        selection.stop()


@pytest.mark.parametrize(
    "code", ["truncated", "backend_error", "backend_timeout", "backend_unavailable", "connect_timeout"]
)
def test_an_answer_that_broke_off_is_a_reason_to_look(house: Household, code: str) -> None:
    selection = Selection(house.candidates[:1], interval_s=1000)
    selection.look()
    selection.start()
    try:
        house.ollama.stop()
        selection.heard(Exchange("r", "/v1/chat/completions", "POST", 200, "error", 1.0, error_code=code))
        until(lambda: selection.state()["ok"] is False)
    finally:
        selection.stop()


def test_a_callers_own_fault_is_none(house: Household) -> None:
    selection = Selection(house.candidates[:1], interval_s=1000)
    selection.start()
    try:
        selection.heard(Exchange("r", "/v1/chat/completions", "POST", 400, "error", 1.0, error_code="invalid_request"))
        with pytest.raises(gevent.Timeout), gevent.Timeout(0.1):
            until(lambda: bool(house.ollama.requests))
    finally:
        selection.stop()


# -- candidates without a model


def test_one_that_is_empty_comes_after_one_that_can_answer(house: Household, said: Callable[[], list[str]]) -> None:
    house.ollama.models = []
    selection = house.auto()

    selection.look()

    assert selection.current().identity.id == "lmstudio"
    state = selection.state()
    assert (state["ok"], state["empty"]) == (True, ["ollama"])
    assert "ollama pull llama3.2" in state["message"]
    assert said() == ["Using LM Studio at URL. Ollama has no model yet: run `ollama pull llama3.2`."]


def test_several_may_be_empty(house: Household) -> None:
    house.ollama.models = house.lmstudio.models = []
    selection = house.auto()

    selection.look()

    assert selection.current().identity.id == "openai"
    assert selection.state()["empty"] == ["ollama", "lmstudio"]


def test_the_best_of_those_that_are_empty_is_taken_where_no_other_is_there(house: Household) -> None:
    house.ollama.models = house.lmstudio.models = []
    house.last.stop()
    selection = house.auto()

    selection.look()

    assert selection.current().identity.id == "ollama"
    assert selection.state()["ok"] is True


def test_one_that_got_its_first_model_is_taken(house: Household, said: Callable[[], list[str]]) -> None:
    house.ollama.models = []
    selection = house.auto()
    selection.look()

    house.ollama.models = ["llama3.2:latest"]
    selection.look()

    assert selection.current().identity.id == "ollama"
    assert selection.state()["empty"] == []
    assert said()[-1] == "Using Ollama 0.33.0 at URL instead of LM Studio."


def test_an_ollama_with_cloud_models_alone_is_empty_unless_they_are_allowed(house: Household) -> None:
    house.ollama.models = [FakeModel("gpt-oss:120b-cloud", remote="https://ollama.example")]
    allowing = OllamaBackend.of(replace(house.settings, cloud_models=True))

    assert isinstance(house.candidates[0], OllamaBackend)
    assert house.candidates[0].is_empty() is True
    assert allowing.is_empty() is False


def test_one_that_cannot_list_its_models_is_not_taken_for_empty(house: Household) -> None:
    house.ollama.always("/api/tags", Status(500, body={"error": "disk full"}))
    selection = house.auto()

    selection.look()

    assert selection.current().identity.id == "ollama"


def test_a_fixed_backend_is_not_asked_whether_it_is_empty(house: Household) -> None:
    selection = Selection(house.candidates[:1], clock=house.clock)

    selection.look()

    assert [request.path for request in house.ollama.requests] == ["/api/version"]


def test_the_loop_looks_by_itself_until_it_is_stopped(house: Household) -> None:
    selection = Selection(house.candidates, interval_s=0.01)
    selection.start()
    until(lambda: len(house.ollama.requests) >= 3)
    house.ollama.stop()
    until(lambda: selection.current().identity.id == "lmstudio")

    selection.stop()

    asked = len(house.lmstudio.requests)
    with pytest.raises(gevent.Timeout), gevent.Timeout(0.1):
        until(lambda: len(house.lmstudio.requests) > asked)


LOOK = """
from gevent import monkey; monkey.patch_all()
from backend.backends.lmstudio import LMStudioBackend
from backend.backends.ollama import OllamaBackend
from backend.backends.openai import OpenAIBackend
from backend.routing.selection import Selection
from backend.settings import Settings
settings = Settings.read(env_file=None)
backends = [build.of(settings) for build in (OllamaBackend, LMStudioBackend, OpenAIBackend)]
print(Selection(backends).current().identity.id)
"""


def test_silent_candidates_are_asked_together(house: Household) -> None:
    house.ollama.always("/api/version", Hang())
    house.lmstudio.always("/api/v1/models", Hang())
    addresses = {
        "OLLAMA_URL": house.ollama.url,
        "LMSTUDIO_URL": house.lmstudio.url,
        "OPENAI_URL": house.last.url + "/v1",
    }
    environment = {**os.environ, **addresses, "CONNECT_TIMEOUT_S": "2"}

    chosen = subprocess.run(
        [sys.executable, "-c", LOOK], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=50, check=True
    )

    assert chosen.stdout == "openai\n"
    first, second = house.ollama.wait_request(1), house.lmstudio.wait_request(1)
    assert first.wait_closed()
    assert first.closed_at is not None
    assert second.received_at < first.closed_at - 0.5
    assert house.last.wait_request(1).received_at < first.closed_at - 0.5
