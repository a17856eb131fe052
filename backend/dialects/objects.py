"""The JSON objects that dialects have in common: an error, a listed model, the gateway's own figures."""

from __future__ import annotations

import orjson

from backend.dialects.chat import JSON, Figures, Model
from backend.errors import GatewayError


def encode_error(error: GatewayError, request_id: str = "") -> bytes:
    """The request's id is in the header alone."""
    return orjson.dumps(write_error(error))


def write_error(error: GatewayError) -> dict[str, JSON]:
    return {"error": {"message": error.message, "type": error.type, "param": error.param, "code": error.code}}


def list_model(model: Model) -> dict[str, JSON]:
    return {"id": model.id, "object": "model", "created": model.created, "owned_by": model.backend}


def write_figures(figures: Figures) -> dict[str, JSON]:
    written: dict[str, JSON] = {
        "backend": figures.backend,
        "ttft_ms": figures.ttft_ms,
        "tokens_per_second": figures.tokens_per_second,
        "load_ms": figures.load_ms,
    }
    if figures.estimated:
        written["estimated"] = True
    return written


def encode_deletion(id: str) -> bytes:
    return orjson.dumps({"id": id, "object": "model", "deleted": True})
