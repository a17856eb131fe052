"""Reads the body of a request that is about a model itself: which one. Answers are in `openai_reply`."""

from __future__ import annotations

from backend.dialects.chat import JSON
from backend.dialects.fields import Fields
from backend.errors import BadRequest


def parse_model(body: dict[str, JSON]) -> str:
    """The name of `{"model": NAME}`. Anything else is refused: what changes a machine must not be half understood."""
    fields = Fields(body)
    if fields.names - {"model"}:
        raise BadRequest("This request takes `model` and nothing else.")
    return _name(fields)


def parse_change(body: dict[str, JSON]) -> tuple[str, bool]:
    """`{"model": NAME, "force"?}`: the name, and whether to do it though other names of that model lose by it."""
    fields = Fields(body)
    if fields.names - {"model", "force"}:
        raise BadRequest("This request takes `model` and `force`, and nothing else.")
    return _name(fields), bool(fields.flag("force"))


def _name(fields: Fields) -> str:
    name = fields.model().strip()
    if not name:
        raise fields.fault("model", "must be the name of a model.")
    return name
