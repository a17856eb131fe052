"""What every route does alike: read a JSON body, stream a relay, render a failure."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import gevent
from flask import Response, g, request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from backend.dialects.chat import StreamEncoder
from backend.dialects.dialect import Dialect, Envelope, Generation
from backend.errors import BadRequest, BodyTooLarge, GatewayError, MethodNotAllowed, NotFound, UnsupportedMediaType
from backend.gateway import Gateway
from backend.relay.client import Client
from backend.relay.meter import Meter
from backend.relay.relay import Relay
from backend.routes.body import parse_object

BODY_DEADLINE_S = 120
PIECE_BYTES = 64 * 1024
_CHARSETS = ("utf-8", "utf8", "us-ascii")


def read_object() -> dict[str, Any]:
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
            return parse_object(_body())
    except gevent.Timeout as late:
        if late is not deadline:
            raise
        raise GatewayError("The body did not arrive in time.", 408, "invalid_request_error", "body_timeout") from late


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
        self.headers["Cache-Control"] = "no-cache"
        self.headers["X-Accel-Buffering"] = "no"
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
    asked = generation.parse(read_object())
    metered = meter()
    metered.is_stream = asked.stream
    opened = gateway.open(asked, client(), metered, has_heartbeat=asked.stream and generation.has_heartbeat)
    around = Envelope(opened.model.id, secrets.token_hex(12), metered.request_id, _now, metered.elapsed_ms)
    if asked.stream:
        return stream_reply(opened.relay, generation.stream(asked, around), opened.headers)
    return json_reply(generation.reply(asked, opened.relay.gather(), around), opened.headers)


def stream_reply(relay: Relay, encoder: StreamEncoder, headers: Mapping[str, str]) -> StreamResponse:
    """What a relay brings, in the dialect of this encoder."""
    return StreamResponse(
        encoder.content_type, headers, lambda send_head: relay.stream(encoder, send_head), relay.abandon
    )


def _now() -> datetime:
    return datetime.now(UTC)


def render(error: GatewayError, dialect: Dialect) -> Response:
    """A failure in the shape that callers of this dialect know."""
    body = dialect.error(error, meter().request_id)
    response = Response(body, status=dialect.status(error), content_type=dialect.error_content_type)
    if error.retry_after_s is not None:
        response.headers["Retry-After"] = str(error.retry_after_s)
    if error.should_retry is not None:
        response.headers["x-should-retry"] = "true" if error.should_retry else "false"
    if error.status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


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
