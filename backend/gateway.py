"""Answers a parsed request: finds the backend, opens the relay, gives back an answer or a stream."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from urllib.parse import quote

from backend.backends.backend import Backend, Call, Counting, Reranking
from backend.backends.encoders import EncodersBackend
from backend.dialects.chat import (
    ChatRequest,
    CompletionRequest,
    EmbeddingRequest,
    Embeddings,
    GenerationRequest,
    Model,
    Ranking,
    RerankRequest,
)
from backend.dialects.estimate import estimate_tokens
from backend.dialects.stop_text import NamedStops
from backend.dialects.vectors import blamed
from backend.errors import CannotCount, ContextLengthExceeded, Unsupported
from backend.relay.attempt import Attempt
from backend.relay.chain import Chain
from backend.relay.client import Client
from backend.relay.deadlines import Deadlines
from backend.relay.meter import Meter
from backend.relay.relay import Begin, Relay
from backend.relay.watch import Watch
from backend.routing.catalogue import Catalogue
from backend.upstream.idle import IdleConnections

_PLAIN = "/:@+ ()"
"""What stays as it is in a header, beside letters, digits and `_.-~`."""


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

    def __init__(
        self, catalogue: Catalogue, encoders: EncodersBackend, idle: IdleConnections, deadlines: Deadlines
    ) -> None:
        self._catalogue, self._encoders, self._idle, self._deadlines = catalogue, encoders, idle, deadlines

    def open(self, request: GenerationRequest, client: Client, meter: Meter, has_heartbeat: bool) -> Opened:
        """Find the model, ask its backend, wait for its first word. Raises GatewayError or ClientGone.

        A stream that can show signs of life is opened without a first word when that takes long: a model
        that loads for a minute must not look like a dead line.
        """
        patience_s = self._deadlines.heartbeat_s if has_heartbeat else None
        with _speaking_of(request):
            find = partial(self._catalogue.find, request.model)
            known = partial(self._catalogue.known, request.model)
            return self._open(find, request.ignored, partial(_generation, request), client, meter, patience_s, known)

    def embed(self, request: EmbeddingRequest, client: Client, meter: Meter) -> tuple[Embeddings, Opened]:
        """Vectors of all inputs. A model that was named is the only one that makes them. Raises as `open` does."""
        find = partial(self._catalogue.find_embedder, request.model)
        with _speaking_of(request):
            opened = self._open(find, request.ignored, partial(_embedding, request), client, meter, None)
            return opened.relay.gather().embeddings or Embeddings(()), opened

    def rerank(self, request: RerankRequest, client: Client, meter: Meter) -> tuple[Ranking, Opened]:
        """All documents by relevance: by a model that ranks, or by another one's vectors crossed with words. Raises as
        `open` does."""
        find = partial(self._catalogue.find_reranker, request.model)
        with _speaking_of(request):
            opened = self._open(find, request.ignored, partial(self._ranking, request), client, meter, None)
            return opened.relay.gather().ranking or Ranking(()), opened

    def _ranking(self, request: RerankRequest, backend: Backend, model: Model) -> Call:
        request = replace(request, model=model.id)
        makes_vectors = "embedding" in model.capabilities and backend is not self._encoders
        if isinstance(backend, Reranking) and not makes_vectors:
            return backend.rerank(request)
        if not makes_vectors:
            raise Unsupported(
                f"{model.id} ranks no documents and makes no embeddings. Name a model that does, or none.", "model"
            )
        texts = EmbeddingRequest(model.id, (request.query, *request.documents))
        return replace(_embedding(texts, backend, model), then=lambda found: self._encoders.rerank(request, found))

    def count(self, request: ChatRequest, client: Client, meter: Meter) -> Counted:
        """The tokens of a prompt, as the backend counts them or, where it cannot, as an estimate that errs upwards.
        Raises like `open`."""
        with _watched(client) as watch:
            name = request.model
            backend, model = self._catalogue.known(name) or watch.run(lambda: self._catalogue.find(name))
            self._catalogue.check(model)
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

    def _open(
        self,
        find: Callable[[], tuple[Backend, Model]],
        ignored: tuple[str, ...],
        ask: Callable[[Backend, Model], Call],
        client: Client,
        meter: Meter,
        patience_s: float | None,
        known: Callable[[], tuple[Backend, Model] | None] = lambda: None,
    ) -> Opened:
        with _watched(client) as watch:
            backend, model = known() or watch.run(find)
            self._catalogue.check(model)
            meter.begin(backend.identity.id, model.id)
            call = ask(backend, model)
            relay = Relay([self._begin(call)], watch, self._deadlines, meter)
            relay.open(patience_s)
            return Opened(relay, model, _headers(model, backend, (*ignored, *call.unheeded)))

    def _begin(self, call: Call) -> Begin:
        attempt = partial(Attempt, call, self._idle, self._deadlines)
        then = call.then
        return attempt if then is None else partial(Chain, attempt, lambda found: self._begin(then(found)))


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
def _speaking_of(request: GenerationRequest | EmbeddingRequest | RerankRequest) -> Iterator[None]:
    """What is too long has another name where it is no conversation, and wants another advice."""
    try:
        yield
    except ContextLengthExceeded as fault:
        if isinstance(request, CompletionRequest):
            raise fault.about("prompt", "Shorten the prompt") from None
        if isinstance(request, EmbeddingRequest):
            is_one = len(request.inputs) == 1
            raise blamed(fault, request.inputs, lambda place: "input" if is_one else f"input[{place}]") from None
        if isinstance(request, RerankRequest):
            texts = (*request.documents, request.query)
            named = [*(f"documents[{place}]" for place in range(len(request.documents))), "query"]
            raise blamed(fault, texts, named.__getitem__) from None
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
    headers = {"x-passerelle-backend": backend.identity.id, "x-passerelle-model": quote(model.id, _PLAIN)}
    if ignored:
        headers["x-passerelle-ignored"] = ", ".join(ignored)
    if model.is_demo:
        headers["x-passerelle-demo"] = "temperature=0"
    return headers
