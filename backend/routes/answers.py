"""What is answered to a generation, whichever server asks: Flask, or the hot lane, which knows none of it.

Both call the same functions, so that they cannot drift apart: one generate, one rendering of failures, one list
of headers.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from backend.dialects.chat import StreamEncoder
from backend.dialects.dialect import Dialect, Envelope, Generation
from backend.dialects.fields import shown_names
from backend.errors import GatewayError, where
from backend.gateway import Gateway
from backend.relay.client import Client
from backend.relay.meter import Meter
from backend.relay.relay import Relay
from backend.routes.admission import Headers

log = logging.getLogger("passerelle")
JSON_TYPE = "application/json"
STREAM_HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}


@dataclass(frozen=True, slots=True)
class Whole:
    """An answer that is there."""

    body: bytes = field(repr=False)
    headers: Mapping[str, str]
    status: int = 200
    content_type: str = JSON_TYPE


@dataclass(frozen=True, slots=True)
class Streamed:
    """An answer that comes: `relay.stream(encoder, …)` writes it, `relay.abandon()` where nobody will."""

    relay: Relay
    encoder: StreamEncoder
    headers: Mapping[str, str]


def generate(
    gateway: Gateway, generation: Generation[Any], body: dict[str, Any], headers: Headers, client: Client, meter: Meter
) -> Whole | Streamed:
    """Answer a generation that was asked for in this dialect. Raises GatewayError or ClientGone."""
    asked = generation.parse(body)
    if generation.extras_header and (extras := shown_names(headers.get(generation.extras_header))):
        asked = replace(asked, ignored=(*asked.ignored, *extras))
    meter.is_stream = asked.stream
    opened = gateway.open(asked, client, meter, has_heartbeat=asked.stream and generation.has_heartbeat)
    around = Envelope(opened.model.id, secrets.token_hex(12), meter.request_id, _now, meter.elapsed_ms)
    if asked.stream:
        return Streamed(opened.relay, generation.stream(asked, around), {**STREAM_HEADERS, **opened.headers})
    return Whole(generation.reply(asked, opened.relay.gather(), around), opened.headers)


def render(error: GatewayError, dialect: Dialect, request_id: str) -> Whole:
    """A failure in the shape that callers of this dialect know."""
    headers = {}
    if error.retry_after_s is not None:
        headers["Retry-After"] = str(error.retry_after_s)
    if error.should_retry is not None:
        headers["x-should-retry"] = "true" if error.should_retry else "false"
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return Whole(dialect.error(error, request_id), headers, dialect.status(error), dialect.error_content_type)


def bug(fault: BaseException, request_id: str) -> GatewayError:
    """What a caller is told of a fault of ours; the log has where it was, without what was said."""
    log.error("Request %s failed: %s", request_id, where(fault))
    return GatewayError("The gateway failed. This is a bug in it; the log has more under this request's id.")


def gone() -> GatewayError:
    return GatewayError("The client left.", 499, "invalid_request_error", "client_left")


def new_request_id() -> str:
    return f"req_{secrets.token_hex(12)}"


def common_headers(request_id: str, dialect: Dialect) -> dict[str, str]:
    """Of every answer, whatever it is."""
    headers = {"x-request-id": request_id, "X-Content-Type-Options": "nosniff"}
    if dialect.request_id_header is not None:
        headers[dialect.request_id_header] = request_id
    return headers


def _now() -> datetime:
    return datetime.now(UTC)
