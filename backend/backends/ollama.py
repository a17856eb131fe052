"""Ollama over its native API: listing, details, and the calls of the hot path.

Facts are from Ollama 0.33's source (server/routes.go, server/sched.go) where nothing else is said.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from time import monotonic
from typing import Any, Self

from backend.backends.backend import Call, LoadGuard
from backend.backends.fields import bounded, entries, fields, without_nothing, word, words
from backend.backends.ollama_listing import LEAST_DEFAULT, Entry, Listing, Running, normal, read_entry, read_running
from backend.backends.ollama_shown import ShownModels, capabilities_of, trained
from backend.backends.ollama_store import OllamaStore
from backend.backends.residents import Residents
from backend.dialects.chat import ChatRequest, CompletionRequest, EmbeddingRequest, Model, Residency, StreamDecoder
from backend.dialects.echo import without_echo
from backend.dialects.ollama.upstream.call import encode_chat, encode_completion, encode_embeddings, unheeded
from backend.dialects.ollama.upstream.decoder import OllamaDecoder, decode_embeddings
from backend.dialects.ollama.upstream.failure import decode_error
from backend.dialects.vectors import vectors_decoder
from backend.errors import BackendTimeout, ModelNotFound
from backend.identity import Identity
from backend.settings import Settings
from backend.upstream.cold import READ_TIMEOUT_S, Answer, ask, refused_key, stranger
from backend.upstream.endpoint import Server

JSON = Any
OLLAMA = Identity(
    "ollama", "ollama", "Ollama", "Check OLLAMA_URL", no_models="Ollama has no model yet: run `ollama pull llama3.2`."
)
PS_TIMEOUT_S = 2.0
"""Since July 2026 `/api/ps` waits for a model that is loading; a listing must not wait with it."""


class OllamaBackend:
    """See the module. Model names are Ollama's own short ones, with their tag: `llama3.2:latest`."""

    def __init__(
        self,
        identity: Identity,
        server: Server,
        idle_timeout_s: float,
        allows_cloud: bool = False,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self.identity, self._server, self._clock = identity, server, clock
        self._allows_cloud = allows_cloud
        self._endpoint = server.endpoint()
        self._residents = Residents(clock)
        self._shown = ShownModels(self._show, clock)
        self.store = OllamaStore(
            server, idle_timeout_s, lambda id: self._residents.answered(self._key(id)), allows_cloud
        )
        self._can_think: dict[str, bool] = {}
        self._keys: dict[str, str] = {}
        self._mute: set[str] = set()
        self._version = ""
        self._default_context: int | None = None

    @classmethod
    def of(cls, settings: Settings, clock: Callable[[], float] = monotonic) -> Self:
        """The one that OLLAMA_URL names."""
        server = Server(
            title=OLLAMA.subject,
            url=settings.ollama_url.removesuffix("/v1").removesuffix("/api"),
            setting="OLLAMA_URL",
            start="Start it with `ollama serve`",
            connect_timeout_s=settings.connect_timeout_s,
        )
        return cls(OLLAMA, server, settings.idle_timeout_s, settings.cloud_models, clock)

    def __repr__(self) -> str:
        return f"<OllamaBackend {self._server.url}>"

    def address(self) -> str:
        return self._endpoint.url

    def version(self) -> str:
        answer = ask(self._server, "/api/version", timeout_s=self._server.connect_timeout_s)
        self._check(answer)
        version = word(answer.object().get("version"))
        if version is None:
            raise stranger(self._server)
        if version != self._version:
            self._version, self._default_context = version, None
            self._shown.forget()
        return version

    # -- which models there are

    def is_empty(self) -> bool:
        listed = self._entries(self._server.connect_timeout_s)
        return not any(self._allows_cloud or not entry.is_cloud for entry in listed)

    def models(self) -> list[Model]:
        listed = self._entries()
        self._shown.learn({entry.digest: entry.id for entry in listed if not entry.is_cloud})
        asked_at = self._clock()
        running = self._running()
        listing = Listing(self.identity.id, listed, self._shown, running)
        self._can_think, self._keys, self._mute = listing.can_think(), listing.keys(), listing.mute()
        known = filter(None, (self._default_context, *listing.default_contexts()))
        self._default_context = min(known, default=None)  # a caller may have asked for more, hardly ever for less
        models = listing.models(self._default_context or LEAST_DEFAULT)
        if running is None:
            return [self._remembered(model) for model in models]
        self._residents.listed(listing.running(), asked_at)
        return models

    def _remembered(self, model: Model) -> Model:
        """Where nobody tells what is in memory: what certainly is."""
        return replace(model, is_loaded=True) if self._residents.holds(self._key(model.id)) else model

    def resolve(self, model: str, models: list[Model]) -> Model | None:
        wanted = normal(model)
        return next((listed for listed in models if normal(listed.id) == wanted), None)

    def show(self, model: str) -> Mapping[str, Any]:
        """Of a cloud model what the listing tells: Ollama would ask its cloud."""
        listed = next((listed for listed in self.models() if listed.id == model), None)
        shown = {} if listed is not None and listed.is_cloud else self._show(model)
        details = fields(shown.get("details"))
        family = word(details.get("family"))
        return without_nothing(
            {
                "model": model,
                "backend": self.identity.id,
                "license": bounded(shown.get("license")),
                "parameters": bounded(shown.get("parameters")),
                "template": bounded(shown.get("template")),
                "system": bounded(shown.get("system")),
                "family": family or (listed and listed.family),
                "families": list(words(details.get("families"))) or ([family] if family else []),
                "format": word(details.get("format")),
                "parameter_size": word(details.get("parameter_size")) or (listed and listed.parameters),
                "quantization": word(details.get("quantization_level")) or (listed and listed.quantization),
                "context_length": trained(shown, "context_length") or (listed and listed.trained_context_length),
                "embedding_length": trained(shown, "embedding_length"),
                "capabilities": _capabilities(shown, listed),
                "modified_at": word(shown.get("modified_at")),
                "size_bytes": listed.size_bytes if listed else None,
                "is_cloud": listed.is_cloud if listed else None,
                "is_loaded": listed.is_loaded if listed else None,
                "memory_bytes": listed.memory_bytes if listed else None,
                "loaded_context_length": listed.context_length if listed and listed.is_loaded else None,
                "shares_with": list(listed.shares_with) if listed else None,
                "details": bounded(details),
                "model_info": _short(fields(shown.get("model_info"))),
            }
        )

    def _entries(self, timeout_s: float = READ_TIMEOUT_S) -> list[Entry]:
        answer = ask(self._server, "/api/tags", timeout_s=timeout_s)
        self._check(answer)
        if "models" not in answer.object():
            raise stranger(self._server)
        return [entry for told in entries(answer.object()["models"]) if (entry := read_entry(told))]

    def _running(self) -> list[Running] | None:
        """`/api/ps`. None where it does not tell: before 0.1.33, or when it waits for a model that is loading."""
        try:
            answer = ask(self._server, "/api/ps", timeout_s=min(PS_TIMEOUT_S, READ_TIMEOUT_S))
        except BackendTimeout:
            return None
        if answer.status != 200 or "models" not in answer.object():
            return None
        return [runner for told in entries(answer.object()["models"]) if (runner := read_running(told))]

    def _show(self, model: str) -> Mapping[str, JSON]:
        answer = ask(self._server, "/api/show", {"model": model})
        if answer.status == 404:
            raise ModelNotFound(f"Ollama has no model {model[:100]!r}. GET /models lists those it has.")
        self._check(answer)
        return answer.object()

    def _key(self, model: str) -> str:
        """What its runner goes by, as far as is known."""
        return self._keys.get(normal(model), normal(model))

    def _check(self, answer: Answer) -> None:
        if answer.status in (401, 403):
            raise refused_key(self._server)
        if answer.status >= 500:
            raise decode_error(answer.status, answer.body)
        if answer.status != 200:
            raise stranger(self._server)

    # -- what is asked of it

    def chat(self, request: ChatRequest) -> Call:
        name = normal(request.model)
        body = encode_chat(request, can_think=self._can_think.get(name))
        guard = self._guard(request.model, request.residency)
        decoder: StreamDecoder = OllamaDecoder("chat")
        if name not in self._mute:
            decoder = without_echo(decoder, request, least=1)
        return self._call(request.model, "/api/chat", body, decoder, guard, unheeded(request))

    def completion(self, request: CompletionRequest) -> Call:
        body, guard = encode_completion(request), self._guard(request.model, request.residency)
        return self._call(request.model, "/api/generate", body, OllamaDecoder("completion"), guard)

    def embed(self, request: EmbeddingRequest) -> Call:
        decoder = vectors_decoder(decode_embeddings, request)
        guard = self._guard(request.model, request.residency)
        return self._call(request.model, "/api/embed", encode_embeddings(request), decoder, guard)

    def _call(
        self,
        model: str,
        path: str,
        body: bytes,
        decoder: StreamDecoder,
        guard: LoadGuard,
        unheeded: tuple[str, ...] = (),
    ) -> Call:
        return Call(model, lambda: self._endpoint, path, body, decoder, decode_error, unheeded=unheeded, guard=guard)

    def _guard(self, model: str, residency: Residency) -> LoadGuard:
        return _Guard(self._residents, self._key(model), bool(residency.options))


@dataclass(frozen=True, slots=True)
class _Guard:
    """One call's. With `options` of its own Ollama may load the model anew, however warm it is."""

    residents: Residents
    model: str
    may_reload: bool

    def may_be_loading(self) -> bool:
        return self.may_reload or not self.residents.holds(self.model)

    def answered(self) -> None:
        self.residents.answered(self.model)


def _capabilities(shown: Mapping[str, JSON], listed: Model | None) -> list[str]:
    if isinstance(shown.get("capabilities"), list):
        return list(capabilities_of(shown["capabilities"]))
    return list(listed.capabilities) if listed else []


def _short(known: Mapping[str, JSON]) -> dict[str, JSON]:
    """Without the vocabulary: lists of 100,000 tokens tell nobody anything."""
    return {key: bounded(value) for key, value in list(known.items())[:200] if isinstance(value, (str, int, float))}
