"""Writes failures in Anthropic's dialect: `{"type": "error", "error": {"type", "message", "details"}, "request_id"}`.

`details.error_code` is the gateway's own word for the failure; SDKs show it, and act on the few that they know.
"""

from __future__ import annotations

import orjson

from backend.dialects.chat import JSON
from backend.errors import BadRequest, GatewayError

OVERLOADED = 529
_BUSY = frozenset(("backend_busy", "model_busy", "model_loading"))
_TYPES = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    OVERLOADED: "overloaded_error",
}
_THREAD = "thread_unsupported_request"


def thread_refused() -> BadRequest:
    """What makes SDKs send the whole conversation instead. Ignoring `thread` would leave the next request with a tool's
    result alone."""
    return BadRequest("No threads are kept here: send the whole conversation without `thread`.", "thread", _THREAD)


def status_of(error: GatewayError) -> int:
    """Anthropic says 529 where others say 503, for what is there but has no time; its clients wait longer then."""
    return OVERLOADED if error.status == 503 and error.code in _BUSY else error.status


def encode_error(error: GatewayError, request_id: str) -> bytes:
    return orjson.dumps({**write_error(error), "request_id": request_id})


def write_error(error: GatewayError) -> dict[str, JSON]:
    written = {"type": _type(status_of(error)), "message": error.message, "details": _details(error)}
    return {"type": "error", "error": written}


def _type(status: int) -> str:
    return _TYPES.get(status) or ("invalid_request_error" if 400 <= status < 500 else "api_error")


def _details(error: GatewayError) -> dict[str, JSON]:
    details: dict[str, JSON] = {"error_code": error.code}
    if error.code == _THREAD:
        details["unsupported"] = [error.param]
    elif error.param is not None:
        details["param"] = error.param
    return details
