"""What a real Ollama said, replayed: what the gateway makes of it."""

from __future__ import annotations

import openai
import pytest

from tests.captures import captured, replay
from tests.fake_backend import Bytes, Chunks, End, FakeBackend, Fin, Hang, Head, RawBytes
from tests.gateway.wire import CHAT, chat_body, events, text_of
from tests.running_gateway import RunningGateway

Pair = tuple[FakeBackend, RunningGateway]
NDJSON = {"content-type": "application/x-ndjson"}
SUNG = "la " * 31
BLANK = "{" + "\n" * 31


# -- an answer that goes round in circles ---------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("chat_08_format_json", BLANK),
        ("chat_26_rendered_repeat_no_done", SUNG),
        ("chat_27_rendered_repeat_no_done_whole", SUNG),
    ],
)
def test_an_answer_that_ollama_ends_for_going_round_in_circles_is_whole(
    ollama_pair: Pair, name: str, text: str
) -> None:
    fake, gateway = ollama_pair
    fake.script("/api/chat", *replay(name))
    fake.script("/api/chat", *replay(name))

    whole = gateway.post(CHAT, chat_body(stream=False))
    *chunks, done = events(gateway.post(CHAT, chat_body(stream=True)).content)

    assert whole.status_code == 200
    assert whole.json()["choices"][0]["message"]["content"] == text
    assert whole.json()["choices"][0]["finish_reason"] == "length"
    assert whole.json()["usage"]["passerelle"]["estimated"] is True
    assert done == "[DONE]"
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks][-1] == "length"


@pytest.mark.parametrize(("name", "text"), [("generate_12_repeat_no_done", SUNG), ("generate_13_format_json", BLANK)])
def test_a_completion_that_goes_round_in_circles_is_whole(ollama_pair: Pair, name: str, text: str) -> None:
    fake, gateway = ollama_pair
    fake.script("/api/generate", *replay(name))

    answer = gateway.post("/v1/completions", {"prompt": "Sing"})

    assert answer.status_code == 200
    assert answer.json()["choices"][0]["text"] == text
    assert answer.json()["choices"][0]["finish_reason"] == "length"


def test_the_same_answer_of_an_ollama_that_was_killed_is_an_error(ollama_pair: Pair) -> None:
    fake, gateway = ollama_pair
    sung = captured("chat_26_rendered_repeat_no_done")
    assert sung.endswith(b"\r\n0\r\n\r\n")
    fake.script("/api/chat", RawBytes(sung.removesuffix(b"0\r\n\r\n")), Fin())
    bare = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\n\r\n"
    fake.script("/api/chat", RawBytes(bare), Chunks([b'{"message":{"content":"la "},"done":false}\n'] * 31), Fin())

    for _ in range(2):
        answer = gateway.post(CHAT, chat_body(stream=True))
        assert text_of(answer.content).startswith("la la ")
        assert events(answer.content)[-1]["error"]["code"] == "truncated"


def test_a_killed_ollama_is_an_error_that_may_be_tried_again(ollama_pair: Pair) -> None:
    fake, gateway = ollama_pair
    fake.script("/api/chat", *replay("abort_08_server_killed_stream"))

    answer = gateway.post(CHAT, chat_body(stream=False))

    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "truncated")
    assert "x-should-retry" not in answer.headers


def test_an_answer_that_ends_properly_but_unfinished_is_an_error_that_no_sdk_retries(ollama_pair: Pair) -> None:
    fake, gateway = ollama_pair
    line = b'{"model":"m","message":{"role":"assistant","content":"Half"},"done":false}\n'
    fake.always("/api/chat", Head(200, NDJSON), Bytes(line), End())
    before = len(fake.requests_to("/api/chat"))

    with (
        openai.OpenAI(base_url=gateway.url + "/v1", api_key="none", max_retries=2) as client,
        pytest.raises(openai.InternalServerError, match="before its answer was finished"),
    ):
        client.chat.completions.create(model="", messages=[{"role": "user", "content": "Hello"}])

    assert len(fake.requests_to("/api/chat")) == before + 1


# -- what its models can do -----------------------------------------------------------------------


def test_a_listing_does_not_wait_for_models_that_take_long_to_be_shown() -> None:
    models = [f"m{number}:latest" for number in range(16)]
    with FakeBackend("ollama", models) as fake, RunningGateway(BACKEND="ollama", OLLAMA_URL=fake.url) as gateway:
        fake.always("/api/show", Hang())  # a read of each would give up after ten seconds

        assert len(gateway.get("/models").json()["data"]) == len(models)
        assert gateway.post(CHAT, chat_body(stream=False, model="m9")).status_code == 200
