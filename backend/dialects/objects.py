"""The JSON objects that OpenAI's dialect and the gateway's own API have in common: an error, a listed model."""

from __future__ import annotations

import orjson

from backend.dialects.chat import JSON, Model
from backend.errors import GatewayError


def encode_error(error: GatewayError) -> bytes:
    return orjson.dumps(write_error(error))


def write_error(error: GatewayError) -> dict[str, JSON]:
    return {"error": {"message": error.message, "type": error.type, "param": error.param, "code": error.code}}


def list_model(model: Model) -> dict[str, JSON]:
    return {"id": model.id, "object": "model", "created": model.created, "owned_by": model.backend}


def encode_deletion(id: str) -> bytes:
    return orjson.dumps({"id": id, "object": "model", "deleted": True})
