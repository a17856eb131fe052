"""What every route does alike: read a JSON body, stream a relay, render a failure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import gevent
from flask import Response, g, request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from backend.dialects.chat import StreamEncoder
from backend.dialects.dialect import Dialect, Generation
from backend.errors import (
    BadRequest,
    BodyLate,
    BodyTooLarge,
    GatewayError,
    MethodNotAllowed,
    NotFound,
    UnsupportedMediaType,
)
from backend.gateway import Gateway
from backend.relay.client import Client
from backend.relay.meter import Meter
from backend.relay.relay import Relay
from backend.routes import answers
from backend.routes.answers import Streamed, Whole
from backend.routes.body import BODY_DEADLINE_S, VALUES_LIMIT, parse_object
from backend.turns import take_turn

TURN_PIECES = 64
PIECE_BYTES = 64 * 1024
_CHARSETS = ("utf-8", "utf8", "us-ascii")


def read_object(values_limit: int = VALUES_LIMIT) -> dict[str, Any]:
    """The request's JSON object. Raises GatewayError: 400, 408, 413 or 415."""
    codings = (request.headers.get("Content-Encoding", "identity"), request.headers.get("Transfer-Encoding", "chunked"))
    if codings[0].lower() != "identity" or codings[1].lower() != "chunked":
        raise UnsupportedMediaType("The body is compressed; send it as it is.")
    if request.mimetype != "application/json":
        raise UnsupportedMediaType("The body must be JSON: send the header `Content-Type: application/json`.")
    if request.mimetype_params.get("charset", "utf-8").lower() not in _CHARSETS:
        raise UnsupportedMediaType("The body must be UTF-8, as all JSON is.")
    deadline = gevent.Timeout(BODY_DEADLINE_S)
    try:
        with deadline:
            return parse_object(_body(), values_limit)
    except gevent.Timeout as late:
        if late is not deadline:
            raise
        raise BodyLate("The body did not arrive in time.") from late


def _body() -> bytes:
    """All of it, or Werkzeug's 413: its own `get_data` cuts a chunked body off at the limit without a word."""
    pieces = []
    while piece := request.stream.read(PIECE_BYTES):
        pieces.append(piece)
    return b"".join(pieces)


def client() -> Client:
    return Client(request.environ)


def meter() -> Meter:
    found: Meter = g.meter
    return found


def json_reply(body: bytes, headers: Mapping[str, str] | None = None, status: int = 200) -> Response:
    return Response(body, status=status, headers=headers, content_type="application/json")


def in_turns(pieces: Iterable[bytes]) -> bytes:
    """A body whose making would hold everybody up."""
    made = []
    for count, piece in enumerate(pieces, 1):
        made.append(piece)
        if count % TURN_PIECES == 0:
            take_turn()
    return b"".join(made)


SendHead = Callable[[bytes], object]


class StreamResponse(Response):
    """A response whose body `write` puts straight onto the client's socket, after it has sent the head; `abandon` is
    called when it never will."""

    def __init__(
        self,
        content_type: str,
        headers: Mapping[str, str],
        write: Callable[[SendHead], None],
        abandon: Callable[[], None],
    ) -> None:
        super().__init__(content_type=content_type, headers=headers)
        self.headers.update(answers.STREAM_HEADERS)
        self._write, self._abandon = write, abandon

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        send_head = start_response(self.status, self.headers.to_wsgi_list())
        return _Body(lambda: self._write(send_head), self._abandon)


class _Body:
    """WSGI's view of a stream: an iterable without items, that takes as long as the stream does."""

    def __init__(self, write: Callable[[], None], abandon: Callable[[], None]) -> None:
        self._write, self.close = write, abandon

    def __iter__(self) -> _Body:
        return self

    def __next__(self) -> bytes:
        self._write()
        raise StopIteration


def generate(gateway: Gateway, generation: Generation[Any]) -> Response:
    """Answer a request for a generation, whole or as a stream, in the dialect that it was asked in."""
    return response_of(answers.generate(gateway, generation, read_object(), request.headers, client(), meter()))


def response_of(answer: Whole | Streamed) -> Response:
    if isinstance(answer, Streamed):
        return stream_reply(answer.relay, answer.encoder, answer.headers)
    return Response(answer.body, status=answer.status, headers=answer.headers, content_type=answer.content_type)


def stream_reply(relay: Relay, encoder: StreamEncoder, headers: Mapping[str, str]) -> StreamResponse:
    """What a relay brings, in the dialect of this encoder."""
    return StreamResponse(
        encoder.content_type, headers, lambda send_head: relay.stream(encoder, send_head), relay.abandon
    )


def render(error: GatewayError, dialect: Dialect) -> Response:
    """A failure in the shape that callers of this dialect know."""
    return response_of(answers.render(error, dialect, meter().request_id))


def error_of(fault: HTTPException) -> GatewayError:
    """What Flask's own refusals mean in our words."""
    if isinstance(fault, RequestEntityTooLarge):
        return BodyTooLarge("The request is larger than this gateway takes (MAX_BODY_MB in .env).")
    match fault.code:
        case 404:
            return NotFound("There is nothing at this address. The API begins at /v1; the page is at /.")
        case 405:
            return MethodNotAllowed("This address does not take that method.")
        case code if code is not None and 400 <= code < 500:
            return BadRequest("The request cannot be understood.")
    return GatewayError("The gateway failed. This is a bug in it.")
