"""What the gateway knows of a server it can call, and what it asks of each of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from backend.backends.store import Store
from backend.dialects.chat import (
    ChatRequest,
    CompletionRequest,
    EmbeddingRequest,
    Embeddings,
    Model,
    RerankRequest,
    StreamDecoder,
)
from backend.errors import GatewayError
from backend.identity import Identity
from backend.upstream.endpoint import Endpoint


class LoadGuard(Protocol):
    """Knows whether a model may be loading now, so that leaving would abort the load for everybody."""

    def may_be_loading(self) -> bool: ...

    def answered(self) -> None:
        """The first event of an answer has come: it is loaded. Cheap, called on the hot path."""


@dataclass(frozen=True, slots=True)
class Call:
    """One generation to be asked of a backend: always a stream, whatever the client wants. All that an attempt needs.

    `then` is what is asked next, of the vectors that this call brings, where that is another question.
    `reach` says where to connect, and may take its time over it (an engine that loads): it waits cooperatively, can be
    killed while it does, and raises GatewayError; `is_slow` says that it may. `refusal` tells what an answer other
    than 200 means. `pace_s` is the shortest time between two tokens shown to a client (the demo model's). `unheeded`
    names the caller's fields that this backend has nothing for. Without a `guard`, leaving never harms.
    """

    model: str
    reach: Callable[[], Endpoint]
    path: str
    body: bytes = field(repr=False)
    decoder: StreamDecoder
    refusal: Callable[[int, bytes], GatewayError]
    is_slow: bool = False
    pace_s: float | None = None
    unheeded: tuple[str, ...] = ()
    guard: LoadGuard | None = None
    then: Callable[[Embeddings], Call] | None = None


class Backend(Protocol):
    """A configured upstream. Cold paths block on `requests`; what is asked of a model is only made into a `Call`."""

    identity: Identity

    @property
    def store(self) -> Store:
        """Its models, as things that can be loaded, unloaded and deleted."""

    def address(self) -> str | None:
        """Where it listens, as people write it; None while that is not known (an engine that is starting)."""

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

    def chat(self, request: ChatRequest) -> Call:
        """Raises Unsupported for what this backend would drop without a word. Never waits; nor do the next two."""

    def completion(self, request: CompletionRequest) -> Call: ...

    def embed(self, request: EmbeddingRequest) -> Call: ...


@runtime_checkable
class Reranking(Protocol):
    """A backend that can rank documents by itself."""

    def rerank(self, request: RerankRequest) -> Call: ...


@runtime_checkable
class Fillable(Protocol):
    """A backend that may be there and have no model."""

    def is_empty(self) -> bool:
        """Whether it has none that could answer; asked at every look, after `version`. Raises GatewayError."""


@runtime_checkable
class Counting(Protocol):
    """A backend that may be able to count the tokens of a prompt without answering it."""

    def count(self, request: ChatRequest) -> Call | None:
        """Its answer is a `PromptRead`, its refusal CannotCount where the server does not know the question; None where
        it is known not to. Raises and waits like `chat`."""


@runtime_checkable
class Leavable(Protocol):
    """A backend that costs this machine memory as long as it is in use."""

    def leave(self) -> None:
        """It is not in use any more: let go of what it holds once nothing runs on it."""
