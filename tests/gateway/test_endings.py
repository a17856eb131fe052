"""A truncated answer never looks finished; a failure before the first byte has a real status."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing

import openai
import pytest

from tests.fake_backend import Bytes, Chunks, End, FakeBackend, Fin, Hang, Head, Pause, RawBytes, Reset, Status, Step
from tests.fake_dialects import TOKENS
from tests.gateway.wire import CHAT, Wire, chat_body, events, text_of
from tests.running_gateway import RunningGateway

pytestmark = pytest.mark.usefixtures("each_path")
SSE = Head(200, {"content-type": "text/event-stream"})
NDJSON = Head(200, {"content-type": "application/x-ndjson"})
Pair = tuple[FakeBackend, RunningGateway]


def check_ending(status: int, body: bytes, upstream: bytes) -> None:
    """Nothing here may be taken for a finished answer."""
    if status != 200:
        assert json.loads(body)["error"]["code"] == "truncated" or status == 502
        return
    *before, last = events(body)
    assert "[DONE]" not in before
    assert last != "[DONE]", body
    assert last["error"]["code"] == "truncated"
    finished = [choice for event in before for choice in event.get("choices", ()) if choice["finish_reason"]]
    assert not finished or b'"finish_reason": "' in upstream


@pytest.fixture
def short(openai_pair: Pair, ollama_pair: Pair) -> Iterator[None]:
    """One token, so that every byte can be tried."""
    for fake, _ in (openai_pair, ollama_pair):
        fake.fake.tokens = (" é✓",)
    yield
    for fake, _ in (openai_pair, ollama_pair):
        fake.fake.tokens = TOKENS


@pytest.mark.timeout(120)
@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("end", [Fin(), Reset()], ids=["fin", "reset"])
def test_an_openai_stream_cut_at_any_byte_ends_with_an_error(openai_pair: Pair, end: Step) -> None:
    fake, gateway = openai_pair
    whole = b"".join(fake.events("/v1/chat/completions"))
    offsets = range(whole.index(b"[DONE]") + len(b"[DONE]"))
    before = len(fake.requests_to(CHAT))

    with closing(Wire(gateway)) as wire:
        for offset in offsets:
            fake.script(CHAT, SSE, Bytes(whole[:offset]), end)
            response = wire.ask(CHAT, chat_body(stream=True))
            check_ending(response.status, wire.rest(), whole[:offset])

    assert len(fake.requests_to(CHAT)) - before == len(offsets), "a request was repeated"


@pytest.mark.timeout(120)
@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("end", [Fin(), Reset()], ids=["fin", "reset"])
def test_an_ollama_stream_cut_at_any_byte_ends_with_an_error(ollama_pair: Pair, end: Step) -> None:
    fake, gateway = ollama_pair
    whole = b"".join(fake.events("/api/chat"))
    before = len(fake.requests_to("/api/chat"))

    with closing(Wire(gateway)) as wire:
        for offset in range(len(whole) - 1):
            fake.script("/api/chat", NDJSON, Bytes(whole[:offset]), end)
            response = wire.ask(CHAT, chat_body(stream=True))
            check_ending(response.status, wire.rest(), whole[:offset])

    assert len(fake.requests_to("/api/chat")) - before == len(whole) - 1, "a request was repeated"


@pytest.mark.parametrize("fraction", [0.0, 0.3, 0.6, 0.95])
@pytest.mark.parametrize("end", [Fin(), Reset()], ids=["fin", "reset"])
def test_the_openai_sdk_raises_on_a_cut_stream(openai_pair: Pair, end: Step, fraction: float) -> None:
    fake, gateway = openai_pair
    whole = b"".join(fake.events(CHAT)).partition(b"data: [DONE]")[0]
    fake.script(CHAT, SSE, Bytes(whole[: int(len(whole) * fraction)]), end)

    with (
        openai.OpenAI(base_url=gateway.url + "/v1", api_key="none", max_retries=0) as client,
        pytest.raises(openai.APIError),
    ):
        for _ in client.chat.completions.create(model="", messages=[{"role": "user", "content": "Hello"}], stream=True):
            pass


@pytest.mark.parametrize("end", [Fin(), Reset()], ids=["fin", "reset"])
def test_a_cut_answer_for_a_client_without_a_stream_is_a_502(openai_pair: Pair, end: Step) -> None:
    fake, gateway = openai_pair
    fake.script(CHAT, SSE, Chunks(fake.events(CHAT)[:3]), end)

    answer = gateway.post(CHAT, chat_body(stream=False))

    assert answer.status_code == 502
    assert answer.json()["error"]["code"] == "truncated"


@pytest.mark.parametrize("end", [Fin(), Reset()], ids=["fin", "reset"])
def test_the_course_chat_ends_with_an_error_line_when_cut(ollama_pair: Pair, end: Step) -> None:
    fake, gateway = ollama_pair
    fake.script("/api/chat", NDJSON, Chunks(fake.events("/api/chat")[:3]), end)

    answer = gateway.post("/chat", {"prompt": "Hello", "stream": True})

    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert lines[-1]["code"] == "truncated"
    assert not any(line.get("done") for line in lines)


def test_a_stream_without_a_length_must_end_with_its_terminator(openai_pair: Pair) -> None:
    fake, gateway = openai_pair
    whole = b"".join(fake.events(CHAT))
    bare = Head(200, {"content-type": "text/event-stream"}, chunked=False)

    fake.script(CHAT, bare, Bytes(whole), Fin())
    good = gateway.post(CHAT, chat_body(stream=True))
    fake.script(
        CHAT, bare, Bytes(whole.partition(b"[DONE]")[0].rpartition(b"data:")[0].rpartition(b"data:")[0][:-30]), Fin()
    )
    cut = gateway.post(CHAT, chat_body(stream=True))

    assert events(good.content)[-1] == "[DONE]"
    assert events(cut.content)[-1]["error"]["code"] == "truncated"


def test_a_silent_backend_ends_with_a_timeout_in_the_stream(openai_pair: Pair) -> None:
    fake, gateway = openai_pair
    fake.script(CHAT, SSE, Chunks(fake.events(CHAT)[:2]), Hang())

    answer = gateway.post(CHAT, chat_body(stream=True))

    assert events(answer.content)[-1]["error"]["code"] == "backend_timeout"
    assert fake.requests_to(CHAT)[-1].wait_closed()
    assert answer.elapsed.total_seconds() < 1  # the head came at once


def test_a_silent_backend_is_a_504_for_a_client_without_a_stream(openai_pair: Pair) -> None:
    fake, gateway = openai_pair
    fake.script(CHAT, SSE, Chunks(fake.events(CHAT)[:2]), Hang())

    answer = gateway.post(CHAT, chat_body(stream=False))

    assert answer.status_code == 504
    assert answer.json()["error"]["code"] == "backend_timeout"
    assert answer.elapsed.total_seconds() >= 1, "the idle timeout is 1 s"
    assert answer.headers["x-should-retry"] == "false"


def test_a_backend_that_keeps_talking_is_never_timed_out(openai_pair: Pair) -> None:
    """Three times the idle timeout in all, but no silence of that length: there is no total timeout."""
    fake, gateway = openai_pair
    tokens = fake.events(CHAT)
    steps: list[Step] = [SSE]
    for event in [*tokens[:1], *tokens[1:2] * 4, *tokens[2:]]:
        steps += [Bytes(event), Pause(0.3)]
    fake.script(CHAT, *steps, End())

    answer = gateway.post(CHAT, chat_body(stream=True))

    assert events(answer.content)[-1] == "[DONE]"


@pytest.mark.parametrize(
    ("steps", "status", "code"),
    [
        ((Fin(),), 502, "backend_error"),
        ((Reset(),), 502, "backend_error"),
        ((SSE, Fin()), 502, "truncated"),
        ((SSE, End()), 502, "truncated"),
        ((SSE, Bytes(b'event: error\ndata: {"error":{"message":"model crashed"}}\n\n'), End()), 502, "backend_error"),
        ((Status(200, body={"error": "Unexpected endpoint or method. (POST /v1/x)"}),), 502, "backend_error"),
        ((Status(200, {"content-type": "text/html"}, b"<html>hello</html>"),), 502, "backend_error"),
        ((RawBytes(b"SSH-2.0-OpenSSH_9.2\r\n"), Fin()), 502, "backend_error"),
        ((RawBytes(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000), Hang()), 502, "backend_error"),
        ((Status(302, {"location": "http://127.0.0.1:1/"}, b""),), 502, "backend_error"),
        ((Status(503, body={"error": "busy"}),), 503, "backend_busy"),
        ((Status(401, body={"error": {"message": "no key"}}),), 502, "backend_auth"),
    ],
)
@pytest.mark.parametrize("stream", [True, False])
def test_a_failure_before_the_first_token_has_a_real_status(
    openai_pair: Pair, steps: tuple[Step, ...], status: int, code: str, stream: bool
) -> None:
    fake, gateway = openai_pair
    before = len(fake.requests_to(CHAT))
    fake.script(CHAT, *steps)

    answer = gateway.post(CHAT, chat_body(stream))

    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}
    assert len(fake.requests_to(CHAT)) == before + 1


def test_a_backend_that_was_started_anew_is_spoken_to_on_a_new_connection(openai_pair: Pair) -> None:
    fake, gateway = openai_pair
    assert gateway.post(CHAT, chat_body(stream=False)).status_code == 200
    fake.stop()
    fake.start()

    answer = gateway.post(CHAT, chat_body(stream=False))

    assert answer.status_code == 200
    assert answer.json()["choices"][0]["message"]["content"] == "".join(fake.fake.tokens)


def test_a_good_stream_arrives_whole_and_in_order(openai_pair: Pair, ollama_pair: Pair) -> None:
    for fake, gateway in (openai_pair, ollama_pair):
        answer = gateway.post(CHAT, chat_body(stream=True, stream_options={"include_usage": True}))

        *chunks, done = events(answer.content)
        assert done == "[DONE]"
        assert text_of(answer.content) == "".join(fake.fake.tokens)
        roles = [
            c["choices"][0]["delta"]["role"] for c in chunks if c["choices"] and "role" in c["choices"][0]["delta"]
        ]
        assert roles == ["assistant"]
        assert [
            c["choices"][0]["finish_reason"] for c in chunks if c["choices"] and c["choices"][0]["finish_reason"]
        ] == ["stop"]
        assert chunks[-1]["choices"] == []
        assert chunks[-1]["usage"]["passerelle"]["backend"] == fake.kind
        assert len({(chunk["id"], chunk["created"], chunk["model"]) for chunk in chunks}) == 1
