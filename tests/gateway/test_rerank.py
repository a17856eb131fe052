"""Reranking over the gateway: by a model that ranks, or by vectors crossed with words, and it says by which."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fake_backend import FakeBackend, Hang, Status
from tests.gateway.wire import Wire
from tests.running_gateway import RunningGateway

DOCUMENTS = ["Das Wetter ist schön.", "La boulangerie ouvre à sept heures.", "Le train part à huit heures."]
BREAD = {"query": "When can I buy bread?", "documents": DOCUMENTS}
Pair = tuple[FakeBackend, RunningGateway]


@pytest.fixture(scope="module")
def ollama() -> Iterator[Pair]:
    """Without any model but one that chats."""
    with FakeBackend("ollama") as fake, RunningGateway(BACKEND="ollama", OLLAMA_URL=fake.url) as gateway:
        yield fake, gateway


@pytest.fixture(scope="module")
def openai() -> Iterator[Pair]:
    """With a model that ranks, and one that makes vectors."""
    models = ["llama3.2:latest", "nomic-embed-text", "bge-reranker-v2-m3"]
    with (
        FakeBackend("openai", models) as fake,
        RunningGateway(BACKEND="openai", OPENAI_URL=fake.url + "/v1") as gateway,
    ):
        yield fake, gateway


@pytest.fixture(autouse=True)
def _forget(ollama: Pair, openai: Pair) -> None:
    ollama[0].forget()
    openai[0].forget()


@pytest.mark.parametrize("path", ["/v1/rerank", "/rerank", "/v2/rerank"])
def test_where_no_model_ranks_the_encoder_is_crossed_with_words(ollama: Pair, path: str) -> None:
    answer = ollama[1].post(path, {**BREAD, "top_n": 2, "return_documents": True})

    body = answer.json()
    assert answer.headers["x-passerelle-backend"] == "embedded"
    assert [result["document"]["text"] for result in body["results"]] == [DOCUMENTS[1], DOCUMENTS[2]]
    assert 1 > body["results"][0]["relevance_score"] > body["results"][1]["relevance_score"] > 0
    assert (body["model"], body["usage"]["passerelle"]["method"]) == ("use-multilingual", "embeddings+bm25")
    assert body["usage"]["total_tokens"] > 0


def test_a_model_that_ranks_is_asked_first(openai: Pair) -> None:
    fake, gateway = openai
    results = [{"index": index, "relevance_score": score} for index, score in enumerate((-9.0, 4.5, -2.0))]
    fake.script("/v1/rerank", Status(body={"results": results, "usage": {"total_tokens": 40}}))

    answer = gateway.post("/v1/rerank", BREAD)

    body = answer.json()
    assert [(result["index"], result["relevance_score"]) for result in body["results"]] == [
        (1, 4.5),
        (2, -2.0),
        (0, -9.0),
    ]
    assert (body["model"], body["usage"]["passerelle"]["method"]) == ("bge-reranker-v2-m3", "reranker")
    assert answer.headers["x-passerelle-backend"] == "openai"
    assert fake.requests_to("/v1/rerank")[-1].json == {"model": "bge-reranker-v2-m3", **BREAD, "top_n": 3}


def test_a_backends_own_vectors_are_crossed_with_words_where_they_are_named(openai: Pair) -> None:
    fake, gateway = openai
    vectors = [[1.0, 0.0], [0.0, 1.0], [1.0, 0.1], [1.0, 1.0]]
    data = [{"index": index, "embedding": vector} for index, vector in enumerate(vectors)]
    fake.script("/v1/embeddings", Status(body={"data": data, "usage": {"prompt_tokens": 21}}))

    answer = gateway.post("/v1/rerank", {"model": "nomic-embed-text", **BREAD})

    body = answer.json()
    assert [result["index"] for result in body["results"]] == [1, 2, 0]
    assert (body["model"], body["usage"]["passerelle"]["method"]) == ("nomic-embed-text", "embeddings+bm25")
    assert body["usage"]["total_tokens"] == 21
    assert fake.requests_to("/v1/embeddings")[-1].json["input"] == [BREAD["query"], *DOCUMENTS]


def test_a_failure_of_either_step_is_told(openai: Pair) -> None:
    fake, gateway = openai
    fake.script("/v1/embeddings", Status(400, body={"error": {"message": "input is larger than the max context size"}}))

    answer = gateway.post("/v1/rerank", {"model": "nomic-embed-text", **BREAD})

    error = answer.json()["error"]
    assert (answer.status_code, error["param"], error["code"]) == (400, "documents[1]", "context_length_exceeded")


def test_a_server_that_cannot_rank_says_so(openai: Pair) -> None:
    fake, gateway = openai
    message = "This server does not support reranking. Start it with `--reranking`"
    fake.script("/v1/rerank", Status(501, body={"error": {"code": 501, "message": message}}))

    answer = gateway.post("/v1/rerank", {"model": "llama3.2:latest", **BREAD})

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "unsupported")
    assert "--reranking" in answer.json()["error"]["message"]


def test_a_ranking_of_other_documents_is_no_answer(openai: Pair) -> None:
    openai[0].script("/v1/rerank", Status(body={"results": [{"index": 7, "relevance_score": 1}]}))

    answer = openai[1].post("/v1/rerank", BREAD)

    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "backend_error")


def test_a_model_that_can_do_neither_is_refused(ollama: Pair) -> None:
    answer = ollama[1].post("/v1/rerank", {"model": "llama3.2", **BREAD})

    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "model")


def test_the_document_that_is_too_long_is_named(ollama: Pair) -> None:
    answer = ollama[1].post("/v1/rerank", {"query": "a", "documents": ["fine", "long " * 9000]})

    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "documents[1]")
    long_query = ollama[1].post("/v1/rerank", {"query": "long " * 9000, "documents": ["fine", "fine"]})
    assert long_query.json()["error"]["param"] == "query"


@pytest.mark.parametrize(
    ("model", "path"), [("bge-reranker-v2-m3", "/v1/rerank"), ("nomic-embed-text", "/v1/embeddings")]
)
def test_a_client_that_leaves_stops_it(openai: Pair, model: str, path: str) -> None:
    fake, gateway = openai
    fake.script(path, Hang())
    before = len(fake.requests_to(path))
    client = Wire(gateway)

    client.send("/v1/rerank", {"model": model, **BREAD})
    asked = fake.wait_request(before + 1, path=path)
    client.leave()

    assert asked.wait_closed()
