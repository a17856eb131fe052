"""Writes the models as Anthropic lists them: in pages, each with what comes before and after it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import orjson

from backend.dialects.chat import JSON, Model
from backend.errors import BadRequest

_PAGE = 20
_LARGEST_PAGE = 1000


def encode_models(models: Sequence[Model], query: Mapping[str, str]) -> bytes:
    """`GET /v1/models`, one page of it: `limit` models after `after_id`, or before `before_id`. Raises BadRequest."""
    limit = _limit(query.get("limit"))
    ids = [model.id for model in models]
    first, last = 0, len(ids)
    if after := query.get("after_id"):
        first = _place(ids, after, "after_id") + 1
    if before := query.get("before_id"):
        last = _place(ids, before, "before_id")
        first = max(first, last - limit)
    page = models[first:last][:limit]
    has_more = first > 0 if before else first + len(page) < last
    return orjson.dumps(
        {
            "data": [list_model(model) for model in page],
            "has_more": has_more,
            "first_id": page[0].id if page else None,
            "last_id": page[-1].id if page else None,
        }
    )


def encode_model(model: Model) -> bytes:
    return orjson.dumps(list_model(model))


def list_model(model: Model) -> dict[str, JSON]:
    """A time that is not known is the epoch, as there."""
    return {
        "type": "model",
        "id": model.id,
        "display_name": model.name or model.id,
        "created_at": datetime.fromtimestamp(model.created, UTC).isoformat().replace("+00:00", "Z"),
        "lifecycle": "active",
        "max_input_tokens": model.context_length,
        "max_tokens": model.context_length,
    }


def _limit(text: str | None) -> int:
    if text is None:
        return _PAGE
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= _LARGEST_PAGE or len(text) > 9:
        raise BadRequest(f"`limit` must be a whole number from 1 to {_LARGEST_PAGE}.", "limit")
    return int(text)


def _place(ids: list[str], id: str, param: str) -> int:
    if id not in ids:
        raise BadRequest(f"`{param}` must be the id of a listed model.", param)
    return ids.index(id)
