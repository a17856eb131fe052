"""What a client's side of a dialect can do, as data: the routes and the relay know a dialect by this alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from backend.dialects.chat import JSON, Answer, ChatRequest, CompletionRequest, StreamEncoder
from backend.errors import GatewayError

Request = TypeVar("Request", ChatRequest, CompletionRequest)


@dataclass(frozen=True, slots=True)
class Envelope:
    """What the gateway knows of an answer beside the answer itself; dialects read no clocks.

    `model` is the name to show, `token` a random word for ids. `now` tells the time, `elapsed_ms` how long ago the
    request came (by a clock that is never set). `request_id` is the one that is in the answer's head.
    """

    model: str
    token: str
    request_id: str
    now: Callable[[], datetime]
    elapsed_ms: Callable[[], float]


@dataclass(frozen=True, slots=True)
class Generation(Generic[Request]):
    """One kind of generation that a dialect has an address for.

    `parse` raises BadRequest and Unsupported with the field in `param`. `has_heartbeat`: its streams have a sign of
    life, so one may be opened before the first word. `extras_header` is one that lists, with commas, what else a client
    would like to have and nobody here knows.
    """

    parse: Callable[[dict[str, JSON]], Request]
    stream: Callable[[Request, Envelope], StreamEncoder]
    reply: Callable[[Request, Answer, Envelope], bytes]
    has_heartbeat: bool
    extras_header: str | None = None


def _own_status(error: GatewayError) -> int:
    return error.status


@dataclass(frozen=True, slots=True)
class Dialect:
    """What all addresses of a dialect share: how a failure is written, with the request's id, and under which status;
    and the header in which its clients look for that id, beside `x-request-id`."""

    name: str
    error: Callable[[GatewayError, str], bytes]
    error_content_type: str = "application/json"
    status: Callable[[GatewayError], int] = _own_status
    request_id_header: str | None = None
