"""Reads the body of a request that is about a model itself: which one. Answers are in `openai_reply`."""

from __future__ import annotations

from backend.dialects.chat import JSON
from backend.dialects.fields import Fields
from backend.errors import BadRequest

LONGEST_NAME = 300


def parse_model(body: dict[str, JSON]) -> str:
    """The name of `{"model": NAME}`. Anything else is refused: what changes a machine must not be half understood."""
    fields = Fields(body)
    name = fields.label("model", LONGEST_NAME)
    if not name or not name.strip():
        raise fields.fault("model", "must be the name of a model.")
    if len(fields.names) > 1:
        raise BadRequest("This request takes `model` and nothing else.")
    return name.strip()
