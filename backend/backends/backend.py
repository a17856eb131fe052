"""What the gateway knows of a server it can call, and what it asks of each of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from backend.backends.store import Store
from backend.dialects.chat import (
    ChatRequest,
    CompletionRequest,
    EmbeddingRequest,
    Embeddings,
    StreamDecoder,
)
from backend.dialects.chat import (
    Model as Model,
)
from backend.errors import GatewayError


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a backend listens. `authorization` is a whole header value; it never shows in a repr.

    `base_path` has no slash at its end: "" or "/v1" or "/openai/v1". `title` begins a sentence about the server, and
    `remedy` is one that says what to do when it does not answer.
    """

    host: str
    port: int
    is_tls: bool = False
    base_path: str = ""
    authorization: str = field(default="", repr=False)
    title: str = "The backend"
    remedy: str = "Start it, or correct its address in .env."


@dataclass(frozen=True, slots=True)
class Call:
    """One generation to be asked of a backend: always a stream, whatever the client wants.

    `pace_s` is the shortest time between two tokens shown to a client (the demo model's). `unheeded` names the
    caller's fields that this backend has nothing for. `may_reload` says that the backend may load the model anew for
    this request, however warm it is.
    """

    path: str
    body: bytes = field(repr=False)
    decoder: StreamDecoder
    pace_s: float | None = None
    unheeded: tuple[str, ...] = ()
    may_reload: bool = False


class Backend(Protocol):
    """A configured upstream. Cold paths block on `requests`; the hot path only makes a `Call`."""

    name: str
    """"ollama", "lmstudio", "openai" or "embedded"."""

    @property
    def store(self) -> Store:
        """Its models, as things that can be loaded, unloaded and deleted."""

    def endpoint(self) -> Endpoint:
        """Where to connect now. Raises BackendUnavailable where nothing can be (an engine that is starting)."""

    def version(self) -> str:
        """Ask the server whether it is there and what it is; "" where it does not tell its version.
        Raises GatewayError with a sentence that says what to do: BackendTimeout where it may just be slow."""

    def models(self) -> list[Model]:
        """Every model it could serve. Raises GatewayError."""

    def show(self, model: str) -> Mapping[str, Any]:
        """All it knows of one model (`/stats?model=`): licence, parameters, template, families, context …
        Raises ModelNotFound."""

    def resolve(self, model: str, models: list[Model]) -> Model | None:
        """The listed model that a caller's name means (Ollama: `llama3` is `llama3:latest`), or None."""

    def is_warm(self, model: str) -> bool:
        """Whether closing a connection that has not answered yet is harmless. False: this model may be
        loading, and leaving would abort the load."""

    def answered(self, model: str) -> None:
        """The first event of an answer of this model has come: it is loaded. Cheap, called on the hot path."""

    def leave(self) -> None:
        """Routing has moved on to another backend: let go of what costs memory once nothing runs on it."""

    def chat(self, request: ChatRequest) -> Call: ...

    def completion(self, request: CompletionRequest) -> Call: ...

    def embedding_call(self, request: EmbeddingRequest) -> tuple[str, bytes]:
        """Path and body to POST."""

    def embeddings(self, body: bytes) -> Embeddings:
        """Read a 200 answer. Raises GatewayError."""

    def error(self, status: int, body: bytes) -> GatewayError:
        """What an answer that is not 200 means."""
