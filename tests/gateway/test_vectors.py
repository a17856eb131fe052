"""Vectors over the gateway: whose they are, that they never mix, and that long jobs are nobody else's problem."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from openai import BadRequestError, NotFoundError, OpenAI

from backend.engine.encoder.models import USE
from tests.engine.running_engine import DEADLINE_S, eventually
from tests.fake_backend import FakeBackend, Status
from tests.running_gateway import RunningGateway

STATION = ["Où est la gare ?", "Where is the station?", "The soup is too salty."]


@pytest.fixture(scope="module")
def bare() -> Iterator[tuple[FakeBackend, RunningGateway]]:
    """Over a backend that has no embedding model."""
    with (
        FakeBackend("ollama", ["llama3.2:latest"]) as fake,
        RunningGateway(BACKEND="ollama", OLLAMA_URL=fake.url) as gateway,
    ):
        yield fake, gateway


@pytest.fixture(scope="module")
def own() -> Iterator[tuple[FakeBackend, RunningGateway]]:
    """Over a backend that has one of its own."""
    with (
        FakeBackend("ollama", ["llama3.2:latest", "nomic-embed-text:latest"]) as fake,
        RunningGateway(BACKEND="ollama", OLLAMA_URL=fake.url) as gateway,
    ):
        yield fake, gateway


def sdk(gateway: RunningGateway) -> OpenAI:
    return OpenAI(base_url=gateway.url + "/v1", api_key="none", max_retries=0)


def children(gateway: RunningGateway) -> list[int]:
    """Processes that the gateway's worker has started (Linux)."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
            parent = int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1])
            grandparent = int(Path(f"/proc/{parent}/stat").read_text().rsplit(")", 1)[1].split()[1])
        except OSError:
            continue
        if b"backend.engine.encoder.child" in words and gateway.process.pid in (parent, grandparent):
            found.append(int(folder.name))
    return found


# -- whose vectors


def test_a_backend_without_an_embedding_model_gets_the_encoder(bare: tuple[FakeBackend, RunningGateway]) -> None:
    _, gateway = bare

    answer = gateway.post("/v1/embeddings", {"input": STATION})

    body = answer.json()
    vectors = np.array([entry["embedding"] for entry in body["data"]])
    assert answer.headers["x-passerelle-backend"] == "embedded"
    assert answer.headers["x-passerelle-model"] == body["model"] == "use-multilingual"
    assert vectors[0] @ vectors[1] > 0.6 > 0.3 > vectors[0] @ vectors[2]
    assert body["usage"]["prompt_tokens"] == body["usage"]["total_tokens"] > 0
    whose = {"backend": "embedded", "dimensions": 512, "fingerprint": USE.fingerprint}
    assert body["usage"]["passerelle"] == whose


def test_the_encoder_starts_with_the_first_request_for_it() -> None:
    with FakeBackend("ollama") as fake, RunningGateway(BACKEND="ollama", OLLAMA_URL=fake.url) as gateway:
        gateway.get("/models")
        assert children(gateway) == []

        gateway.post("/v1/embeddings", {"model": "use-multilingual", "input": "hello"})

        (child,) = children(gateway)
        listed = {model["id"]: model for model in gateway.get("/models").json()["data"]}
        assert listed["use-multilingual"]["is_loaded"] is True
        assert listed["use-multilingual"]["memory_bytes"] > 10_000_000
    assert eventually(lambda: not Path(f"/proc/{child}").exists())


def test_a_backends_own_model_comes_first(own: tuple[FakeBackend, RunningGateway]) -> None:
    fake, gateway = own

    answer = gateway.post("/v1/embeddings", {"input": "hello"})

    assert answer.headers["x-passerelle-backend"] == "ollama"
    assert answer.headers["x-passerelle-model"] == answer.json()["model"] == "nomic-embed-text:latest"
    listed = fake.requests_to("/api/embed")[-1].json
    assert listed["model"] == "nomic-embed-text:latest"
    whose = answer.json()["usage"]["passerelle"]
    assert (whose["backend"], whose["dimensions"]) == ("ollama", 8)
    assert whose["fingerprint"].startswith("sha256:")


def test_an_index_of_the_encoder_stays_of_use_when_a_backend_gets_a_model(
    own: tuple[FakeBackend, RunningGateway],
) -> None:
    answer = own[1].post("/v1/embeddings", {"model": "use-multilingual", "input": "hello"})

    assert answer.json()["usage"]["passerelle"]["fingerprint"] == USE.fingerprint


def test_models_tell_dimensions_and_fingerprint_of_each(own: tuple[FakeBackend, RunningGateway]) -> None:
    told = own[1].get("/models").json()

    listed = {model["id"]: model for model in told["data"]}
    assert list(listed)[:3] == ["llama3.2:latest", "nomic-embed-text:latest", "use-multilingual"]
    encoder, nomic, llama = (
        listed[name] for name in ("use-multilingual", "nomic-embed-text:latest", "llama3.2:latest")
    )
    assert (encoder["dimensions"], encoder["fingerprint"]) == (512, USE.fingerprint)
    assert (encoder["backend"], encoder["capabilities"], encoder["context_length"]) == ("embedded", ["embedding"], 8192)
    assert (nomic["dimensions"], nomic["fingerprint"][:7]) == (8, "sha256:")
    assert llama["dimensions"] is None
    assert told["default_model"] == "llama3.2:latest"
    assert own[1].get("/v1/models/use-multilingual").json()["owned_by"] == "embedded"
    assert own[1].get("/stats?model=use-multilingual").json()["license"] == "Apache-2.0"


def test_a_name_that_nobody_has_is_never_answered_by_another_model(bare: tuple[FakeBackend, RunningGateway]) -> None:
    with pytest.raises(NotFoundError, match="no model 'text-embedding-3-small'"):
        sdk(bare[1]).embeddings.create(model="text-embedding-3-small", input="hello")

    with pytest.raises(NotFoundError, match="Close: use-multilingual"):
        sdk(bare[1]).embeddings.create(model="use-multi", input="hello")


def test_the_encoder_does_not_chat(bare: tuple[FakeBackend, RunningGateway]) -> None:
    for path in ("/v1/chat/completions", "/v1/completions"):
        body = {"model": "use-multilingual", "messages": [{"role": "user", "content": "hi"}], "prompt": "hi"}
        answer = bare[1].post(path, body)

        assert (answer.status_code, answer.json()["error"]["param"]) == (400, "model")
        assert "makes embeddings only" in answer.json()["error"]["message"]


def test_the_encoder_is_there_while_the_backend_is_not() -> None:
    with RunningGateway(BACKEND="ollama", OLLAMA_URL="http://127.0.0.1:9") as gateway:
        assert gateway.post("/v1/embeddings", {"model": "use-multilingual", "input": "hello"}).status_code == 200

        nameless = gateway.post("/v1/embeddings", {"input": "hello"})  # what the backend has nobody knows now
        assert nameless.json()["error"]["code"] == "backend_unavailable"


# -- what is asked


def test_dimensions_are_taken_where_they_are_the_models_own(bare: tuple[FakeBackend, RunningGateway]) -> None:
    assert len(sdk(bare[1]).embeddings.create(model="", input="a", dimensions=512).data[0].embedding) == 512

    with pytest.raises(BadRequestError, match="vectors of 512 numbers and cannot make shorter ones") as refused:
        sdk(bare[1]).embeddings.create(model="", input="a", dimensions=256)
    assert refused.value.param == "dimensions"


def test_a_backend_that_ignores_dimensions_is_caught(own: tuple[FakeBackend, RunningGateway]) -> None:
    answer = own[1].post("/v1/embeddings", {"model": "nomic-embed-text", "input": "a", "dimensions": 4})

    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "dimensions")
    assert "vectors of 8 numbers" in answer.json()["error"]["message"]


def test_two_thousand_texts_at_once(bare: tuple[FakeBackend, RunningGateway]) -> None:
    texts = [f"text number {number}" for number in range(2048)]

    answer = sdk(bare[1]).embeddings.create(model="use-multilingual", input=texts)

    assert [entry.index for entry in answer.data] == list(range(2048))
    alone = sdk(bare[1]).embeddings.create(model="use-multilingual", input=texts[1234])
    assert answer.data[1234].embedding == pytest.approx(alone.data[0].embedding, abs=1e-5)
    with pytest.raises(BadRequestError, match="1 to 2048"):
        sdk(bare[1]).embeddings.create(model="use-multilingual", input=[*texts, "one more"])


def test_the_text_that_is_too_long_is_named(bare: tuple[FakeBackend, RunningGateway]) -> None:
    with pytest.raises(
        BadRequestError, match=r"`input\[3\]` has 9002 tokens, and use-multilingual takes 8192"
    ) as refused:
        sdk(bare[1]).embeddings.create(model="use-multilingual", input=["a", "b", "c", "long " * 9000])

    assert (refused.value.param, refused.value.code) == ("input[3]", "context_length_exceeded")


def test_a_backend_that_does_not_say_which_text_is_too_long_is_helped_out(
    own: tuple[FakeBackend, RunningGateway],
) -> None:
    fake, gateway = own
    fake.script("/api/embed", Status(400, body={"error": "the input length exceeds the context length"}))

    answer = gateway.post("/v1/embeddings", {"model": "nomic-embed-text", "input": ["a", "b" * 90, "c"]})

    error = answer.json()["error"]
    assert (answer.status_code, error["param"], error["code"]) == (400, "input[1]", "context_length_exceeded")
    assert error["message"].startswith(
        "The prompt is too long for the model's context. Split the text into shorter pieces"
    )
    assert error["message"].endswith("Most likely it is `input[1]`, the longest of them.")


# -- nobody waits for another one's job


def test_a_client_that_leaves_stops_the_encoder(bare: tuple[FakeBackend, RunningGateway]) -> None:
    _, gateway = bare
    gateway.post("/v1/embeddings", {"model": "use-multilingual", "input": "start"})
    (child,) = children(gateway)
    body = json.dumps({"model": "use-multilingual", "input": ["what a long way to go " * 40] * 1400}).encode()
    head = (
        f"POST /v1/embeddings HTTP/1.1\r\nHost: 127.0.0.1:{gateway.port}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )

    def worked() -> int:
        return sum(map(int, Path(f"/proc/{child}/stat").read_text().rsplit(")", 1)[1].split()[11:13]))

    before = worked()
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=DEADLINE_S) as connection:
        connection.sendall(head.encode() + body)
        assert eventually(lambda: worked() > before + 20)

    def is_idle() -> bool:
        seen = worked()
        return not eventually(lambda: worked() > seen, within_s=0.5)

    assert eventually(is_idle)
    assert worked() - before < 1000  # hundredths of a second, of about a minute


def test_an_encoder_that_dies_is_started_again(bare: tuple[FakeBackend, RunningGateway]) -> None:
    import os
    import signal

    _, gateway = bare
    gateway.post("/v1/embeddings", {"model": "use-multilingual", "input": "start"})
    (child,) = children(gateway)

    os.kill(child, signal.SIGKILL)

    def answers() -> bool:
        return gateway.post("/v1/embeddings", {"model": "use-multilingual", "input": "again"}).status_code == 200

    assert eventually(answers)
    assert children(gateway) != [child]


# -- tokens, as LangChain sends them


def test_token_numbers_of_openais_stand_for_their_text(bare: tuple[FakeBackend, RunningGateway]) -> None:
    tokens = [46, 15273, 1826, 1208, 342, 548, 949]

    one = sdk(bare[1]).embeddings.create(model="use-multilingual", input=tokens)
    several = sdk(bare[1]).embeddings.create(model="use-multilingual", input=[[15339, 1917], tokens])
    text = sdk(bare[1]).embeddings.create(model="use-multilingual", input="Où est la gare ?")

    assert one.data[0].embedding == pytest.approx(text.data[0].embedding, abs=1e-6)
    assert several.data[1].embedding == pytest.approx(text.data[0].embedding, abs=1e-5)


def test_a_backend_gets_text_for_tokens(own: tuple[FakeBackend, RunningGateway]) -> None:
    own[1].post("/v1/embeddings", {"model": "nomic-embed-text", "input": [[15339, 1917], [46]]})

    assert own[0].requests_to("/api/embed")[-1].json["input"] == ["hello world", "O"]


def test_a_number_that_is_no_token_is_named(bare: tuple[FakeBackend, RunningGateway]) -> None:
    with pytest.raises(BadRequestError, match="holds 100300, which is no token of cl100k_base") as refused:
        sdk(bare[1]).embeddings.create(model="use-multilingual", input=[[1], [1], [1], [1, 100300]])

    assert refused.value.param == "input[3]"


def test_as_many_tokens_as_openai_takes_come_through(own: tuple[FakeBackend, RunningGateway]) -> None:
    answer = own[1].post("/v1/embeddings", {"model": "nomic-embed-text", "input": [[15339] * 150] * 2000})

    assert (answer.status_code, len(answer.json()["data"])) == (200, 2000)
