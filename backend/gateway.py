"""Answers a parsed request: finds the backend, opens the relay, gives back an answer or a stream."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial

from backend.backends.backend import Backend, Call, Counting
from backend.dialects.chat import (
    ChatRequest,
    CompletionRequest,
    EmbeddingRequest,
    Embeddings,
    GenerationRequest,
    Model,
)
from backend.dialects.estimate import estimate_tokens
from backend.dialects.stop_text import NamedStops
from backend.errors import CannotCount, ContextLengthExceeded
from backend.relay.attempt import Attempt
from backend.relay.client import Client
from backend.relay.deadlines import Deadlines
from backend.relay.meter import Meter
from backend.relay.relay import Relay
from backend.relay.watch import Watch
from backend.routing.catalogue import Catalogue
from backend.upstream.idle import IdleConnections


@dataclass(frozen=True, slots=True)
class Opened:
    """An exchange whose backend has begun to answer (or is taking its time)."""

    relay: Relay
    model: Model
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Counted:
    """How many tokens a prompt has. `is_exact`: as its backend counts them."""

    tokens: int
    is_exact: bool
    headers: dict[str, str]


class Gateway:
    """What the routes call. Holds the parts; keeps no state of its own."""

    def __init__(self, catalogue: Catalogue, idle: IdleConnections, deadlines: Deadlines) -> None:
        self._catalogue, self._idle, self._deadlines = catalogue, idle, deadlines

    def open(self, request: GenerationRequest, client: Client, meter: Meter, has_heartbeat: bool) -> Opened:
        """Find the model, ask its backend, wait for its first word. Raises GatewayError or ClientGone.

        A stream that can show signs of life is opened without a first word when that takes long: a model
        that loads for a minute must not look like a dead line.
        """
        patience_s = self._deadlines.heartbeat_s if has_heartbeat else None
        with _speaking_of(request):
            return self._open(request.model, request.ignored, partial(_generation, request), client, meter, patience_s)

    def embed(self, request: EmbeddingRequest, client: Client, meter: Meter) -> tuple[Embeddings, Opened]:
        with _speaking_of(request):
            opened = self._open(request.model, request.ignored, partial(_embedding, request), client, meter, None)
            return opened.relay.gather().embeddings or Embeddings(()), opened

    def count(self, request: ChatRequest, client: Client, meter: Meter) -> Counted:
        """The tokens of a prompt, as the backend counts them or, where it cannot, as an estimate that errs upwards.
        Raises like `open`."""
        with _watched(client) as watch:
            backend, model = self._found(request.model, watch)
            meter.backend, meter.model = backend.identity.id, model.id
            call = _count(request, backend, model)
            tokens = None if call is None else self._ask_count(call, watch, meter)
            watch.end()
            headers = _headers(model, backend, request.ignored)
            return Counted(estimate_tokens(request) if tokens is None else tokens, tokens is not None, headers)

    def _ask_count(self, call: Call, watch: Watch, meter: Meter) -> int | None:
        relay = Relay([partial(Attempt, call, self._idle, self._deadlines)], watch, self._deadlines, meter.unheard())
        try:
            relay.open(None)
            prompt = relay.gather().prompt
        except CannotCount:
            return None
        return prompt.tokens if prompt else None

    def _found(self, name: str, watch: Watch) -> tuple[Backend, Model]:
        backend, model = self._catalogue.known(name) or watch.run(lambda: self._catalogue.find(name))
        self._catalogue.check(model)
        return backend, model

    def _open(
        self,
        name: str,
        ignored: tuple[str, ...],
        ask: Callable[[Backend, Model], Call],
        client: Client,
        meter: Meter,
        patience_s: float | None,
    ) -> Opened:
        with _watched(client) as watch:
            backend, model = self._found(name, watch)
            meter.begin(backend.identity.id, model.id)
            call = ask(backend, model)
            attempt = partial(Attempt, call, self._idle, self._deadlines)
            relay = Relay([attempt], watch, self._deadlines, meter)
            relay.open(patience_s)
            return Opened(relay, model, _headers(model, backend, (*ignored, *call.unheeded)))


@contextmanager
def _watched(client: Client) -> Iterator[Watch]:
    """A watched client, whose socket goes back to the server where nothing comes of it."""
    watch = Watch(client)
    try:
        yield watch
    except BaseException:
        watch.end()
        raise


@contextmanager
def _speaking_of(request: GenerationRequest | EmbeddingRequest) -> Iterator[None]:
    """What is too long has another name where it is no conversation, and wants another advice."""
    try:
        yield
    except ContextLengthExceeded as fault:
        if isinstance(request, CompletionRequest):
            raise fault.about("prompt", "Shorten the prompt") from None
        if isinstance(request, EmbeddingRequest):
            raise fault.about("input", "Split the text into shorter pieces") from None
        raise


def _generation(request: GenerationRequest, backend: Backend, model: Model) -> Call:
    request = replace(request, model=model.id)
    return _chat(request, backend) if isinstance(request, ChatRequest) else backend.completion(request)


def _chat(request: ChatRequest, backend: Backend) -> Call:
    stops = request.sampling.stop if request.names_stop else ()
    if not stops:
        return backend.chat(request)
    call = backend.chat(replace(request, sampling=replace(request.sampling, stop=())))
    return replace(call, decoder=NamedStops(call.decoder, stops))


def _count(request: ChatRequest, backend: Backend, model: Model) -> Call | None:
    return backend.count(replace(request, model=model.id)) if isinstance(backend, Counting) else None


def _embedding(request: EmbeddingRequest, backend: Backend, model: Model) -> Call:
    return backend.embed(replace(request, model=model.id))


def _headers(model: Model, backend: Backend, ignored: tuple[str, ...]) -> dict[str, str]:
    headers = {"x-passerelle-backend": backend.identity.id}
    if ignored:
        headers["x-passerelle-ignored"] = ", ".join(ignored)
    if model.is_demo:
        headers["x-passerelle-demo"] = "temperature=0"
    return headers
