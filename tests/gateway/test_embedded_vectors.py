"""GGUF models that embed and that rank, in the embedded engine: real llama.cpp, weights of no use."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from backend.engine.gguf import RANK
from tests.engine.running_engine import eventually
from tests.engine.tiny_bert import WIDTH, tiny_bert
from tests.running_gateway import RunningGateway


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    folder = tmp_path_factory.mktemp("models")
    tiny_bert(folder / "tiny-embedder.gguf")
    tiny_bert(folder / "tiny-ranker.gguf", RANK)
    with RunningGateway(BACKEND="embedded", MODELS_DIR=folder) as gateway:
        yield gateway


def answer_of(gateway: RunningGateway, path: str, body: object) -> requests.Response:
    """What comes once the engine, which has one model at a time, is done with the test before."""
    answers = [gateway.post(path, body)]

    def is_there() -> bool:
        if answers[-1].status_code == 503:
            answers.append(gateway.post(path, body))
        return answers[-1].status_code != 503

    assert eventually(is_there)
    return answers[-1]


def test_an_embedding_gguf_comes_before_the_encoder(gateway: RunningGateway) -> None:
    answer = answer_of(gateway, "/v1/embeddings", {"input": ["a b", "c"]})

    body = answer.json()
    listed = {model["id"]: model for model in gateway.get("/models").json()["data"]}["tiny-embedder"]
    assert (body["model"], answer.headers["x-passerelle-backend"]) == ("tiny-embedder", "embedded")
    assert [len(entry["embedding"]) for entry in body["data"]] == [WIDTH, WIDTH]
    whose = body["usage"]["passerelle"]
    assert (whose["dimensions"], whose["fingerprint"]) == (listed["dimensions"], listed["fingerprint"])
    assert listed["fingerprint"].startswith("sampled:")


def test_the_text_that_does_not_fit_is_guessed(gateway: RunningGateway) -> None:
    answer = answer_of(gateway, "/v1/embeddings", {"model": "tiny-embedder", "input": ["a", "b", "c", "a b " * 60]})

    error = answer.json()["error"]
    assert (answer.status_code, error["param"], error["code"]) == (400, "input[3]", "context_length_exceeded")


def test_dimensions_that_a_gguf_does_not_have_are_refused(gateway: RunningGateway) -> None:
    answer = answer_of(gateway, "/v1/embeddings", {"model": "tiny-embedder", "input": "a", "dimensions": 8})

    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "dimensions")


def test_a_ranking_gguf_ranks(gateway: RunningGateway) -> None:
    answer = answer_of(gateway, "/v1/rerank", {"query": "a b", "documents": ["a b c", "x y", "b"]})

    body = answer.json()
    assert (body["model"], body["usage"]["passerelle"]["method"]) == ("tiny-ranker", "reranker")
    assert sorted(result["index"] for result in body["results"]) == [0, 1, 2]
    scores = [result["relevance_score"] for result in body["results"]]
    assert scores == sorted(scores, reverse=True)
    assert len(set(scores)) == 3


def test_vectors_of_a_gguf_are_crossed_with_words_where_it_is_named(gateway: RunningGateway) -> None:
    answer = answer_of(gateway, "/v1/rerank", {"model": "tiny-embedder", "query": "a b", "documents": ["x y", "a b"]})

    body = answer.json()
    assert (body["model"], body["usage"]["passerelle"]["method"]) == ("tiny-embedder", "embeddings+bm25")
    assert body["results"][0]["index"] == 1


@pytest.mark.parametrize("path", ["/v1/embeddings", "/v1/chat/completions"])
def test_a_model_that_ranks_does_nothing_else(gateway: RunningGateway, path: str) -> None:
    body = {"model": "tiny-ranker", "input": "a", "messages": [{"role": "user", "content": "a"}]}

    answer = answer_of(gateway, path, body)

    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "model")
