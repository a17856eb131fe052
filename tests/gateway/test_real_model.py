"""SmolLM2 135M on the embedded engine, asked over the gateway's socket: what a toy model cannot show."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from threading import Event
from typing import Any

import psutil
import pytest
import requests

from tests.engine.running_engine import eventually
from tests.real_model import FOLDER, ID, needs_real_model
from tests.running_gateway import RunningGateway

pytestmark = needs_real_model
CHAT = "/v1/chat/completions"
PATIENCE_S = 90
"""This model writes some 40 tokens a second on a core of its own, and tests share theirs."""


@pytest.fixture(scope="module")
def gateway() -> Iterator[RunningGateway]:
    with RunningGateway(BACKEND="embedded", MODELS_DIR=FOLDER, ENGINE_CONTEXT="2048") as gateway:
        yield gateway


def ask(gateway: RunningGateway, text: str, **fields: Any) -> dict[str, Any]:
    body = {"messages": [{"role": "user", "content": text}], "temperature": 0, "max_tokens": 60, **fields}
    reply = requests.post(gateway.url + CHAT, json=body, timeout=PATIENCE_S)
    assert reply.status_code == 200, reply.text
    answer: dict[str, Any] = reply.json()
    return answer


def text_of(answer: dict[str, Any]) -> str:
    return str(answer["choices"][0]["message"]["content"])


def test_it_is_the_default_and_tells_what_is_known_of_it(gateway: RunningGateway) -> None:
    listing = gateway.get("/models").json()

    assert listing["default_model"] == ID
    real, demo, encoder = listing["data"]
    assert encoder["id"] == "use-multilingual"
    assert (real["id"], real["languages"], real["sampling"]) == (ID, ["en"], {"temperature": 0.2, "top_p": 0.9})
    assert (demo["is_demo"], demo["languages"], demo["sampling"]) == (True, ["en", "fr"], {"temperature": 0})
    assert gateway.get("/stats", params={"model": ID}).json()["license"] == "apache-2.0"


def test_it_answers_a_question_of_ones_own(gateway: RunningGateway) -> None:
    answer = ask(gateway, "What is the capital of France? Answer in one sentence.")

    assert "Paris" in text_of(answer)
    assert answer["choices"][0]["finish_reason"] == "stop"


def test_a_long_answer_comes_whole_and_ends_where_it_must(gateway: RunningGateway) -> None:
    body = {
        "messages": [{"role": "user", "content": "Write a long story about a lighthouse keeper."}],
        "max_tokens": 200,
        "stream": True,
        "stream_options": {"include_usage": True},
        "seed": 1,
    }

    with requests.post(gateway.url + CHAT, json=body, stream=True, timeout=PATIENCE_S) as reply:
        lines = [line[6:] for line in reply.iter_lines() if line.startswith(b"data: ")]

    assert lines[-1] == b"[DONE]"
    events = [json.loads(line) for line in lines[:-1]]
    text = "".join(choice["delta"].get("content") or "" for event in events for choice in event["choices"])
    reasons = [choice["finish_reason"] for event in events for choice in event["choices"] if choice["finish_reason"]]
    used = events[-1]["usage"]
    assert reasons == ["length" if used["completion_tokens"] == 200 else "stop"]
    assert used["completion_tokens"] > 100
    assert len(text) > 300
    assert "\N{REPLACEMENT CHARACTER}" not in text


def test_a_stop_word_ends_the_answer_and_does_not_show(gateway: RunningGateway) -> None:
    whole = text_of(ask(gateway, "What is the capital of France? Answer in one sentence."))

    cut = ask(gateway, "What is the capital of France? Answer in one sentence.", stop=["Paris"])

    assert "Paris" in whole
    assert text_of(cut) == whole.split("Paris")[0]
    assert cut["choices"][0]["finish_reason"] == "stop"


def test_an_answer_in_a_schema_is_just_that(gateway: RunningGateway) -> None:
    schema = {
        "type": "object",
        "properties": {"name": {"type": "string", "maxLength": 20}, "age": {"type": "integer"}},
        "required": ["name", "age"],
        "additionalProperties": False,
    }
    wanted = {"type": "json_schema", "json_schema": {"name": "cat", "schema": schema}}

    answer = ask(gateway, "Describe a cat named Tom who is 3 years old, as JSON.", response_format=wanted)

    told = json.loads(text_of(answer))
    assert set(told) == {"name", "age"}
    assert (told["name"], type(told["age"])) == ("Tom", int)


def test_logprobs_are_those_of_the_tokens(gateway: RunningGateway) -> None:
    answer = ask(gateway, "Say hello.", logprobs=True, top_logprobs=3, max_tokens=4)

    tokens = answer["choices"][0]["logprobs"]["content"]
    assert "".join(token["token"] for token in tokens) == text_of(answer)
    assert len(tokens) == 4
    for token in tokens:
        best = token["top_logprobs"]
        assert len(best) == 3
        assert token["logprob"] == max(one["logprob"] for one in best) <= 0


def test_a_prompt_longer_than_the_context_is_refused_with_its_name(gateway: RunningGateway) -> None:
    body = {"messages": [{"role": "user", "content": "lighthouse " * 3000}]}

    reply = gateway.post(CHAT, body)

    assert (reply.status_code, reply.json()["error"]["code"]) == (400, "context_length_exceeded")


def test_an_answer_that_fills_the_context_ends_with_length() -> None:
    with RunningGateway(BACKEND="embedded", MODELS_DIR=FOLDER, ENGINE_CONTEXT="256") as gateway:
        answer = ask(gateway, "lighthouse " * 200 + "\nGo on with this text for ever.", max_tokens=2000)

    assert answer["choices"][0]["finish_reason"] == "length"
    assert answer["usage"]["total_tokens"] <= 256


@pytest.mark.skipif(sys.platform == "win32", reason="the engine is found as a grandchild of the gateway's group")
def test_leaving_stops_it(gateway: RunningGateway) -> None:
    body = {"messages": [{"role": "user", "content": "Write a very long story."}], "stream": True, "max_tokens": 2000}
    with requests.post(gateway.url + CHAT, json=body, stream=True, timeout=PATIENCE_S) as reply:
        next(reply.iter_content(chunk_size=None))

    engine = _engine(gateway)
    assert eventually(lambda: _is_idle(engine))
    assert "Paris" in text_of(ask(gateway, "What is the capital of France? Answer in one sentence."))


def _engine(gateway: RunningGateway) -> psutil.Process:
    family = psutil.Process(gateway.process.pid).children(recursive=True)
    (engine,) = (process for process in family if "backend.engine.child" in process.cmdline())
    return engine


def _is_idle(engine: psutil.Process) -> bool:
    before = engine.cpu_times()
    Event().wait(0.3)
    after = engine.cpu_times()
    return (after.user + after.system) - (before.user + before.system) < 0.02


def test_two_are_answered_at_the_same_time(gateway: RunningGateway) -> None:
    questions = {
        "What is the capital of France? Answer in one sentence.": "Paris",
        "Who wrote Hamlet? Answer in one sentence.": "Shakespeare",
    }
    answers: dict[str, str] = {}

    def put(question: str) -> None:
        answers[question] = text_of(ask(gateway, question))

    threads = [threading.Thread(target=put, args=(question,)) for question in questions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)

    for question, word in questions.items():
        assert word in answers[question]


def test_what_its_maker_recommends_is_what_the_engine_uses(gateway: RunningGateway) -> None:
    asked = {"text": "Write a poem.", "seed": 3, "max_tokens": 25}

    silent = ask(gateway, **asked, temperature=None)
    said = ask(gateway, **asked, temperature=0.2, top_p=0.9)
    other = ask(gateway, **asked, temperature=0.8, top_p=0.95)

    assert text_of(silent) == text_of(said) != text_of(other)
