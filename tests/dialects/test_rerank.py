"""Reranking: the shape that llama-server, Cohere and Jina share, on both sides."""

from __future__ import annotations

import json
import math
from base64 import b64decode
from struct import unpack
from typing import Any

import pytest
from hypothesis import given

from backend.dialects.chat import Embeddings, Model, Ranking, RerankRequest
from backend.dialects.openai.rerank import encode_rerank as reply
from backend.dialects.openai.rerank import parse_rerank
from backend.dialects.openai.upstream.ranking import decode_ranking, encode_rerank
from backend.errors import BackendFailed, BadRequest, Unsupported
from tests.dialects.request_cases import json_values

ASKED = RerankRequest("m", "a question", ("one", "two", "three"))


def test_a_request_is_read_with_all_that_the_three_have_in_common() -> None:
    body = {"model": "m", "query": "a question", "documents": ["one", {"text": "two"}, "three"], "top_n": 2}

    request = parse_rerank({**body, "return_documents": True, "max_tokens_per_doc": 99})

    assert request == RerankRequest("m", "a question", ("one", "two", "three"), 2, True, ("max_tokens_per_doc",))


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"query": None}, "query"),
        ({"query": ""}, "query"),
        ({"query": ["a"]}, "query"),
        ({"documents": None}, "documents"),
        ({"documents": []}, "documents"),
        ({"documents": "one"}, "documents"),
        ({"documents": ["x"] * 1001}, "documents"),
        ({"documents": ["one", 2]}, "documents[1]"),
        ({"documents": ["one", {"title": "two"}]}, "documents[1]"),
        ({"documents": [{"text": 5}]}, "documents[0]"),
        ({"top_n": 0}, "top_n"),
        ({"top_n": "2"}, "top_n"),
        ({"return_documents": 1}, "return_documents"),
        ({"model": 5}, "model"),
        ({"Query": "b"}, "query"),
    ],
)
def test_what_is_wrong_is_named(changes: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as refused:
        parse_rerank({"query": "a", "documents": ["one"], **changes})

    assert refused.value.param == param


@given(json_values())
def test_any_documents_are_read_or_refused(value: Any) -> None:
    try:
        request = parse_rerank({"query": "a", "documents": value})
    except BadRequest:
        return
    assert all(isinstance(document, str) for document in request.documents)


def test_the_answer_has_the_shape_of_all_three() -> None:
    model = Model("m", "openai", fingerprint="sha256:abc")
    ranking = Ranking(((2, 0.9), (0, 0.5), (1, -3.5)), 12)

    answer = json.loads(reply(ASKED, ranking, model, "reranker", "rerank-1"))

    assert answer == {
        "id": "rerank-1",
        "object": "list",
        "model": "m",
        "results": [
            {"index": 2, "relevance_score": 0.9},
            {"index": 0, "relevance_score": 0.5},
            {"index": 1, "relevance_score": -3.5},
        ],
        "usage": {
            "prompt_tokens": 12,
            "total_tokens": 12,
            "passerelle": {"backend": "openai", "method": "reranker", "fingerprint": "sha256:abc"},
        },
    }


def test_as_many_come_back_as_were_wanted_with_their_texts_where_wanted() -> None:
    request = RerankRequest("m", "a", ("one", "two"), top_n=1, return_documents=True)

    answer = json.loads(reply(request, Ranking(((1, 0.9), (0, 0.5))), Model("m", "openai"), "reranker", "r"))

    assert answer["results"] == [{"index": 1, "relevance_score": 0.9, "document": {"text": "two"}}]


def test_a_backend_is_asked_for_all_documents() -> None:
    assert json.loads(encode_rerank(ASKED)) == {
        "model": "m",
        "query": "a question",
        "documents": ["one", "two", "three"],
        "top_n": 3,
    }


def test_vectors_go_along_as_little_endian_floats() -> None:
    sent = json.loads(encode_rerank(ASKED, Embeddings(([1.0, 2.0], [0.5, -1.0]))))

    assert unpack("<4f", b64decode(sent["vectors"])) == (1.0, 2.0, 0.5, -1.0)


def test_llama_servers_answer_is_put_in_order() -> None:
    body = {
        "model": "m",
        "object": "list",
        "usage": {"prompt_tokens": 30, "total_tokens": 30},
        "results": [{"index": index, "relevance_score": score} for index, score in ((0, -8.2), (1, 3.5), (2, -8.2))],
    }

    assert decode_ranking(json.dumps(body).encode(), 3) == Ranking(((1, 3.5), (0, -8.2), (2, -8.2)), 30)


def test_vllms_answer_is_read() -> None:
    body = {
        "id": "rerank-1",
        "model": "m",
        "usage": {"total_tokens": 56},
        "results": [
            {"index": 1, "document": {"text": "two"}, "relevance_score": 1},
            {"index": 0, "relevance_score": 0},
        ],
    }

    assert decode_ranking(json.dumps(body).encode(), 2) == Ranking(((1, 1.0), (0, 0.0)), 56)


@pytest.mark.parametrize(
    "results",
    [
        None,
        {},
        [],
        [{"index": 0, "relevance_score": 1}],
        [{"index": 0, "relevance_score": 1}] * 2,
        [{"index": 0, "relevance_score": 1}, {"index": 2, "relevance_score": 1}],
        [{"index": 0, "relevance_score": 1}, {"index": 1, "relevance_score": "1"}],
        [{"index": 0, "relevance_score": 1}, {"index": 1, "relevance_score": math.nan}],
        [{"index": 0, "relevance_score": 1}, {"index": True, "relevance_score": 1}],
        [{"index": 0, "relevance_score": 1}, {"index": 1, "score": 1}],
        [{"index": 0, "relevance_score": 1}, 1],
        [{"index": 0, "relevance_score": 1}, {"index": 1, "relevance_score": 1}, {"index": 1, "relevance_score": 2}],
    ],
)
def test_a_ranking_that_is_none_is_an_error(results: Any) -> None:
    with pytest.raises(BackendFailed):
        decode_ranking(json.dumps({"results": results}).encode(), 2)


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"{", b"<html>"])
def test_a_body_that_is_no_ranking_is_an_error(body: bytes) -> None:
    with pytest.raises(BackendFailed):
        decode_ranking(body, 2)


def test_a_complaint_under_a_200_is_an_error() -> None:
    with pytest.raises(Unsupported):
        decode_ranking(b'{"error":{"message":"This model does not support embeddings","code":501}}', 2)
