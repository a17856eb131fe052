"""Answers a parsed request: finds the backend, opens the relay, gives back an answer or a stream."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from backend.backends.backend import Backend, Call, Model
from backend.dialects.chat import (
    ChatRequest,
    Completed,
    EmbeddingRequest,
    Embeddings,
    Event,
    Failed,
    GenerationRequest,
    Usage,
)
from backend.errors import BackendFailed, GatewayError
from backend.relay.client import Client
from backend.relay.meter import Meter
from backend.relay.relay import Deadlines, Relay
from backend.routing.catalogue import Catalogue
from backend.upstream.idle import Pool

EMBEDDINGS_LIMIT = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Opened:
    """An exchange whose backend has begun to answer (or is taking its time)."""

    relay: Relay
    model: Model
    backend: Backend
    headers: dict[str, str]


class Gateway:
    """What the routes call. Holds the parts; keeps no state of its own."""

    def __init__(self, catalogue: Catalogue, pool: Pool, deadlines: Deadlines, begin: Callable[[str], None]) -> None:
        self._catalogue, self._pool, self._deadlines, self._begin = catalogue, pool, deadlines, begin

    def open(self, request: GenerationRequest, client: Client, meter: Meter, has_heartbeat: bool) -> Opened:
        """Find the model, ask its backend, wait for its first word. Raises GatewayError or ClientGone.

        A stream that can show signs of life is opened without a first word when that takes long: a model
        that loads for a minute must not look like a dead line.
        """
        backend, model = self._find(request.model, meter)
        request = replace(request, model=model.id)
        call = backend.chat(request) if isinstance(request, ChatRequest) else backend.completion(request)
        relay = Relay(backend, model.id, call, client, self._pool, self._deadlines, meter)
        self._start(relay, self._deadlines.heartbeat_s if has_heartbeat else None)
        return Opened(relay, model, backend, _headers(model, backend, (*request.ignored, *call.unheeded)))

    def embed(self, request: EmbeddingRequest, client: Client, meter: Meter) -> tuple[Embeddings, Opened]:
        backend, model = self._find(request.model, meter)
        path, body = backend.embedding_call(replace(request, model=model.id))
        decoder = EmbeddingDecoder(backend.embeddings, len(request.inputs))
        relay = Relay(backend, model.id, Call(path, body, decoder), client, self._pool, self._deadlines, meter)
        self._start(relay, None)
        relay.gather()
        return decoder.embeddings, Opened(relay, model, backend, _headers(model, backend, request.ignored))

    def _start(self, relay: Relay, patience_s: float | None) -> None:
        try:
            relay.open(patience_s)
        except GatewayError as fault:
            if fault.code in ("backend_unavailable", "connect_timeout"):
                self._catalogue.suspect()
            raise

    def _find(self, name: str, meter: Meter) -> tuple[Backend, Model]:
        backend, model = self._catalogue.find(name)
        meter.backend, meter.model = backend.name, model.id
        self._begin(model.id)
        return backend, model


class EmbeddingDecoder:
    """Gathers an answer that is no stream, bounded, and reads it when it is all there."""

    def __init__(self, read: Callable[[bytes], Embeddings], count: int) -> None:
        self._read, self._count = read, count
        self._pieces: list[bytes] = []
        self._size = 0
        self.embeddings = Embeddings(())

    def begin(self, content_type: str) -> None:
        pass

    def feed(self, data: bytes) -> list[Event]:
        self._size += len(data)
        if self._size > EMBEDDINGS_LIMIT:
            return [Failed(BackendFailed("The backend's answer is larger than the gateway keeps.", "answer_too_large"))]
        self._pieces.append(data)
        return []

    def end(self) -> list[Event]:
        try:
            self.embeddings = self._read(b"".join(self._pieces))
        except GatewayError as fault:
            return [Failed(fault)]
        if len(self.embeddings.vectors) != self._count:
            return [Failed(BackendFailed("The backend gave another number of embeddings than it was asked for."))]
        return [Usage(input_tokens=self.embeddings.input_tokens), Completed()]


def _headers(model: Model, backend: Backend, ignored: tuple[str, ...]) -> dict[str, str]:
    headers = {"x-passerelle-backend": backend.name}
    if ignored:
        headers["x-passerelle-ignored"] = ", ".join(ignored)
    if model.is_demo:
        headers["x-passerelle-demo"] = "temperature=0"
    return headers
