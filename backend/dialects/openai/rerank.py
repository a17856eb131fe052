"""POST /v1/rerank, in the shape that llama-server, Cohere and Jina have in common (looked up in November 2026).

All take `model`, `query`, `documents` and `top_n`, and answer `results` of `index` and `relevance_score`, the most
relevant first. Cohere's first version and Jina also take documents as `{"text"}`, and `return_documents`.
"""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from backend.dialects.chat import JSON, Model, Ranking, RerankRequest
from backend.dialects.fields import Fields

FIELDS = frozenset(("model", "query", "documents", "top_n", "return_documents"))
_MOST_DOCUMENTS = 1000
_SILENT = frozenset(("user",))


def parse_rerank(body: Mapping[str, JSON]) -> RerankRequest:
    """Raises BadRequest, with the field in `param`."""
    fields = Fields(body)
    ignored = fields.dropped(FIELDS, _SILENT)
    query = fields.text("query")
    if not query:
        raise fields.fault("query", "must be a text.")
    return RerankRequest(
        model=fields.model(),
        query=query,
        documents=_documents(fields),
        top_n=fields.whole("top_n", 1, 2**31 - 1),
        return_documents=bool(fields.flag("return_documents")),
        ignored=ignored,
    )


def encode_rerank(request: RerankRequest, ranking: Ranking, model: Model, method: str, id: str) -> bytes:
    """`method` says how the scores came about: "reranker", or "embeddings+bm25"."""
    usage = {
        "prompt_tokens": ranking.input_tokens,
        "total_tokens": ranking.input_tokens,
        "passerelle": {"backend": model.backend, "method": method, "fingerprint": model.fingerprint},
    }
    results = [_result(request, index, score) for index, score in ranking.results[: request.top_n]]
    return orjson.dumps({"id": id, "object": "list", "model": model.id, "results": results, "usage": usage})


def _documents(fields: Fields) -> tuple[str, ...]:
    documents = fields.items("documents")
    if not documents or len(documents) > _MOST_DOCUMENTS:
        raise fields.fault("documents", f"must be a list of 1 to {_MOST_DOCUMENTS} texts.")
    plain = [entry.get("text") if isinstance(entry, dict) else entry for entry in documents]
    return Fields({"documents": plain}).texts("documents")


def _result(request: RerankRequest, index: int, score: float) -> dict[str, JSON]:
    result: dict[str, JSON] = {"index": index, "relevance_score": score}
    return result | {"document": {"text": request.documents[index]}} if request.return_documents else result
