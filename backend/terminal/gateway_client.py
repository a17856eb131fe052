"""The running gateway, as the command line talks to it: HTTP in, checked values and sentences out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

import orjson

from backend.dialects.framing import FramingError, LineReader, SSEReader
from backend.terminal.screen import printable

if TYPE_CHECKING:
    import requests

LONGEST_SENTENCE = 500
GRACE_S = 30.0
NOT_UTF8 = "The text holds characters that cannot be sent; it must be UTF-8."


class RemoteError(Exception):
    """One sentence about what went wrong, and what to do; safe to show."""


class Cut(RemoteError):
    """An answer that began and did not come to its end."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a gateway is. Times in seconds; the key never shows in a repr."""

    url: str
    key: str = field(default="", repr=False)
    connect_timeout_s: float = 3.0
    idle_timeout_s: float = 600.0


@dataclass(frozen=True, slots=True)
class Piece:
    """What one event adds to an answer."""

    text: str = ""
    reasoning: str = ""


class Answer:
    """An answer as it arrives: iterate over its pieces; `finish_reason`, `usage` and `model` fill on the way.

    Leaving the `with` block closes the connection, which aborts a generation that still runs.
    """

    def __init__(self, response: requests.Response) -> None:
        self._response = response
        self.finish_reason: str | None = None
        self.usage: dict[str, Any] = {}
        self.model = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._response.close()

    def __iter__(self) -> Iterator[Piece]:
        """Raises Cut unless the stream comes to a finish and its own end."""
        from requests import RequestException

        reader = SSEReader()
        try:
            for data in self._response.iter_content(chunk_size=None):
                for event in reader.feed(data):
                    if event == b"[DONE]":
                        return self._check_finish()
                    yield self._piece(event)
        except RequestException as failure:
            raise Cut("The answer was cut: the connection to the gateway broke.") from failure
        except FramingError as failure:
            raise Cut("The answer was cut: the gateway sent something that is no event.") from failure
        raise Cut("The answer was cut: the gateway's stream ended too early.")

    def _check_finish(self) -> None:
        if self.finish_reason is None:
            raise Cut("The answer was cut: the stream ended without a finish.")

    def _piece(self, event: bytes) -> Piece:
        chunk = _object(event)
        if chunk is None:
            raise Cut("The answer was cut: the gateway sent something that is no event.")
        if chunk.get("error"):
            raise Cut("The answer was cut: " + (_sentence(chunk) or "the gateway reports an error."))
        self.model = _string(chunk.get("model")) or self.model
        if isinstance(chunk.get("usage"), dict):
            self.usage = chunk["usage"]
        choices = chunk.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else {}
        self.finish_reason = _string(choice.get("finish_reason")) or self.finish_reason
        delta = choice.get("delta")
        delta = delta if isinstance(delta, dict) else {}
        reasoning = _string(delta.get("reasoning_content")) or _string(delta.get("reasoning"))
        return Piece(_string(delta.get("content")), reasoning)


@dataclass(frozen=True, slots=True)
class Stage:
    """How far a pull is. Sizes in bytes; None is not known. `fraction` is from 0 to 1."""

    status: str = ""
    detail: str = ""
    completed: int | None = None
    total: int | None = None
    fraction: float | None = None


class Pulling:
    """A pull as it goes on: iterate over its stages; `model` is the model's description once it is done.

    Leaving the `with` block closes the connection, which stops a backend that can be stopped.
    """

    def __init__(self, response: requests.Response) -> None:
        self._response = response
        self.model: dict[str, Any] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._response.close()

    def __iter__(self) -> Iterator[Stage]:
        """Raises Cut unless the last line says that it is done."""
        from requests import RequestException

        reader = LineReader()
        try:
            for data in self._response.iter_content(chunk_size=None):
                for line in reader.feed(data):
                    told = _object(line) or {}
                    if told.get("error"):
                        raise Cut(_sentence(told) or "The gateway reports an error.")
                    if told.get("status") == "done":
                        model = told.get("model")
                        self.model = model if isinstance(model, dict) else {}
                        return
                    yield _stage(told)
        except RequestException as failure:
            raise Cut("The pull was cut: the connection to the gateway broke.") from failure
        except FramingError as failure:
            raise Cut("The pull was cut: the gateway sent something that is no progress.") from failure
        raise Cut("The pull was cut: the gateway's stream ended too early.")


def _stage(told: dict[str, Any]) -> Stage:
    if not _string(told.get("status")):
        raise Cut("The pull was cut: the gateway sent something that is no progress.")
    completed, total, fraction = told.get("completed"), told.get("total"), told.get("fraction")
    return Stage(
        told["status"],
        _string(told.get("detail")),
        completed if type(completed) is int else None,
        total if type(total) is int else None,
        min(1.0, max(0.0, float(fraction))) if isinstance(fraction, int | float) else None,
    )


class GatewayClient:
    """A running gateway at an address. Every failure is a RemoteError."""

    def __init__(self, address: Address) -> None:
        import requests

        self._address = replace(address, url=address.url.rstrip("/").removesuffix("/v1"))
        self._session = requests.Session()
        self._session.trust_env = False  # a proxy set for the web must not see what goes to this machine
        self._session.headers["Accept-Encoding"] = "identity"
        if address.key:
            self._session.headers["Authorization"] = f"Bearer {address.key}"

    def get(self, path: str, query: Mapping[str, str] | None = None) -> dict[str, Any]:
        return self._told(self._send("GET", path, params=query))

    def change(self, verb: str, model: str, force: bool) -> dict[str, Any]:
        """`load` or `unload` a model; its description."""
        return self._told(self._post(f"/models/{verb}", {"model": model, **({"force": True} if force else {})}))

    def delete(self, model: str) -> dict[str, Any]:
        try:
            path = "/models/" + quote(model, safe="/:@")
        except UnicodeEncodeError as fault:
            raise RemoteError(NOT_UTF8) from fault
        return self._told(self._send("DELETE", path))

    def pull(self, model: str) -> Pulling:
        response = self._post("/models/pull", {"model": model})
        self._check_type(response, "application/x-ndjson")
        return Pulling(response)

    def chat(self, request: Mapping[str, Any]) -> Answer:
        """Ask for a chat completion, as a stream with its usage."""
        response = self._post(
            "/v1/chat/completions", {**request, "stream": True, "stream_options": {"include_usage": True}}
        )
        self._check_type(response, "text/event-stream")
        return Answer(response)

    def _post(self, path: str, value: Mapping[str, Any]) -> requests.Response:
        try:
            body = orjson.dumps(value)
        except orjson.JSONEncodeError as fault:  # bytes of the shell that are no UTF-8
            raise RemoteError(NOT_UTF8) from fault
        return self._send("POST", path, data=body, headers={"Content-Type": "application/json"}, stream=True)

    def _told(self, response: requests.Response) -> dict[str, Any]:
        with response:
            value = _object(self._body(response))
        if value is None:
            raise RemoteError(f"What answers at {self._address.url} is no Passerelle gateway.")
        return value

    def _check_type(self, response: requests.Response, media_type: str) -> None:
        if not response.headers.get("Content-Type", "").startswith(media_type):
            response.close()
            raise RemoteError(f"What answers at {self._address.url} is no Passerelle gateway.")

    def _send(self, method: str, path: str, **options: Any) -> requests.Response:
        import requests

        address = self._address
        # The gateway gives up on a silent backend first, and says so better than we could.
        timeouts = (address.connect_timeout_s, address.idle_timeout_s + GRACE_S)
        try:
            response = self._session.request(
                method, address.url + path, timeout=timeouts, allow_redirects=False, **options
            )
        except (requests.RequestException, UnicodeError) as failure:
            raise RemoteError(_unreachable(address.url, failure)) from failure
        if response.status_code != 200:
            with response:
                raise RemoteError(_refusal(address.url, response.status_code, _object(self._body(response))))
        return response

    def _body(self, response: requests.Response) -> bytes:
        import requests

        try:
            return response.content
        except requests.RequestException as failure:
            raise RemoteError(_unreachable(self._address.url, failure)) from failure


def _unreachable(url: str, failure: Exception) -> str:
    import requests

    if isinstance(failure, requests.ReadTimeout):
        return f"The gateway at {url} did not answer in time."
    if isinstance(failure, requests.exceptions.SSLError):
        return f"The certificate of {url} is not one that this machine trusts."
    if isinstance(failure, requests.ConnectionError):
        return f"No gateway answers at {url}. Start it with: make run (or: python -m backend serve)."
    return f"{url} cannot be asked ({type(failure).__name__}); is the address right?"


def _refusal(url: str, status: int, body: dict[str, Any] | None) -> str:
    sentence = _sentence(body) if body else ""
    if not sentence:
        return f"What answers at {url} is no Passerelle gateway (status {status})."
    return sentence + (" Put it in PASSERELLE_KEY." if status == 401 else "")


def _sentence(body: dict[str, Any]) -> str:
    """The message of an OpenAI-shaped error, on one line and not too long."""
    error = body.get("error")
    message = error.get("message") if isinstance(error, dict) else error
    return " ".join(printable(_string(message)).split())[:LONGEST_SENTENCE]


def _object(data: bytes) -> dict[str, Any] | None:
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None


def _string(value: Any) -> str:
    return value if isinstance(value, str) else ""
