"""What a real Ollama said, replayed: what the gateway makes of it."""

from __future__ import annotations

import json
from collections.abc import Iterator

import openai
import pytest

from tests.captures import captured, replay
from tests.fake_backend import Bytes, Chunks, End, FakeBackend, FakeModel, Fin, Hang, Head, RawBytes
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

        assert len(gateway.get("/models").json()["data"]) == len(models) + 1, "and the one of our own, for vectors"
        assert gateway.post(CHAT, chat_body(stream=False, model="m9")).status_code == 200


# -- what it refuses -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "param"),
    [
        ({"num_ctx": "large"}, "options.num_ctx"),
        ({"num_gpu": True}, "options.num_gpu"),
        ({"use_mmap": 1}, "options.use_mmap"),
        ({"typical_p": "x"}, "options.typical_p"),
        ({"repeat_last_n": 1.5}, "options.repeat_last_n"),
    ],
)
@pytest.mark.parametrize("path", [CHAT, "/v1/completions", "/v1/embeddings", "/chat"])
def test_an_option_of_a_wrong_type_is_refused_before_anybody_is_asked(
    ollama_pair: Pair, path: str, options: dict[str, object], param: str
) -> None:
    fake, gateway = ollama_pair
    before = len(fake.requests)
    said = {CHAT: {"messages": [{"role": "user", "content": "Hi"}]}, "/v1/embeddings": {"input": "Hi"}}

    answer = gateway.post(path, {**said.get(path, {"prompt": "Hi"}), "options": options})

    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)
    assert len(fake.requests) == before


def test_an_option_that_ollama_refuses_itself_is_asked_for_once(ollama_pair: Pair) -> None:
    fake, gateway = ollama_pair
    fake.always("/api/chat", *replay("errors_09_temperature_string"))
    before = len(fake.requests_to("/api/chat"))

    with (
        openai.OpenAI(base_url=gateway.url + "/v1", api_key="none", max_retries=2) as client,
        pytest.raises(openai.BadRequestError),
    ):
        client.chat.completions.create(model="", messages=[{"role": "user", "content": "Hello"}])

    assert len(fake.requests_to("/api/chat")) == before + 1


@pytest.fixture(scope="module")
def thinker() -> Iterator[Pair]:
    model = FakeModel("thinker:latest", capabilities=("completion", "thinking"), tagged=("completion",))
    with FakeBackend("ollama", [model]) as fake, RunningGateway(BACKEND="ollama", OLLAMA_URL=fake.url) as gateway:
        yield fake, gateway


@pytest.mark.parametrize("effort", ["ultra", "xhigh", "max"])
def test_every_word_for_much_thinking_arrives_as_ollamas_own(thinker: Pair, effort: str) -> None:
    fake, gateway = thinker

    assert gateway.post(CHAT, chat_body(stream=False, model="thinker", reasoning_effort=effort)).status_code == 200
    assert fake.requests_to("/api/chat")[-1].json["think"] == "max"


def test_what_is_too_long_has_its_own_name_and_advice_for_each_address(ollama_pair: Pair) -> None:
    fake, gateway = ollama_pair
    fake.script("/api/chat", *replay("errors_21_too_long_refused"))
    fake.script("/api/generate", *replay("errors_21_too_long_refused"))
    fake.script("/api/embed", *replay("embed_07_too_long_refused"))

    chat = gateway.post(CHAT, chat_body(stream=False)).json()["error"]
    completion = gateway.post("/v1/completions", {"prompt": "Hi"}).json()["error"]
    embedding = gateway.post("/v1/embeddings", {"model": "llama3.2", "input": "Hi"}).json()["error"]

    assert {error["code"] for error in (chat, completion, embedding)} == {"context_length_exceeded"}
    assert [error["param"] for error in (chat, completion, embedding)] == ["messages", "prompt", "input"]
    assert "Shorten the conversation" in chat["message"]
    assert "Shorten the prompt" in completion["message"]
    assert "Split the text into shorter pieces" in embedding["message"]
    assert "conversation" not in embedding["message"]


def test_an_embedding_of_a_chat_model_says_what_to_do(ollama_pair: Pair) -> None:
    fake, gateway = ollama_pair
    fake.script("/api/embed", *replay("embed_08_chat_model"))

    answer = gateway.post("/v1/embeddings", {"model": "llama3.2", "input": "Hi"})

    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "model")
    assert "ollama pull" in answer.json()["error"]["message"]


# -- an answer that goes on from the assistant's words ----------------------------------------------


@pytest.fixture(scope="module")
def going_on() -> Iterator[Pair]:
    """A model whose own template is used, and one with a template of Ollama's kind."""
    models = [FakeModel("native:latest", template="{% for m in messages %}"), FakeModel("go:latest")]
    with FakeBackend("ollama", models) as fake, RunningGateway(BACKEND="ollama", OLLAMA_URL=fake.url) as gateway:
        yield fake, gateway


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("words", ["{", "Once upon a time"])
def test_the_words_that_an_answer_goes_on_from_are_not_repeated(going_on: Pair, words: str, stream: bool) -> None:
    fake, gateway = going_on
    lines = [{"message": {"role": "assistant", "content": piece}, "done": False} for piece in (words, " and", " so on")]
    lines.append({"message": {"role": "assistant", "content": ""}, "done": True, "done_reason": "stop"})
    told = [json.dumps(line).encode() + b"\n" for line in lines]
    history = [{"role": "user", "content": "Go on"}, {"role": "assistant", "content": words}]
    asked = {"messages": history, "stream": stream}

    def said(model: str) -> str:
        fake.script("/api/chat", Head(200, NDJSON), Chunks(told), End())
        answer = gateway.post(CHAT, {**asked, "model": model})
        return text_of(answer.content) if stream else str(answer.json()["choices"][0]["message"]["content"])

    assert said("native") == " and so on"
    assert said("go") == words + " and so on", "it repeats nothing: these are the model's own"
