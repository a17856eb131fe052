"""Ollama over its native API: listing, details, and the calls of the hot path.

Facts are from Ollama 0.33's source (server/routes.go, server/sched.go) where nothing else is said.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import Any, Self

from backend.backends.backend import Call, LoadGuard
from backend.backends.fields import bounded, count, entries, fields, without_nothing, word, words
from backend.backends.ollama_store import OllamaStore
from backend.backends.residents import Residents
from backend.dialects.chat import ChatRequest, CompletionRequest, EmbeddingRequest, Model, Residency, StreamDecoder
from backend.dialects.ollama.upstream.call import encode_chat, encode_completion, encode_embeddings, unheeded
from backend.dialects.ollama.upstream.decoder import OllamaDecoder, decode_embeddings
from backend.dialects.ollama.upstream.failure import decode_error
from backend.dialects.vectors import VectorsDecoder
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
MOST_SHOWS = 50
_CAPABILITIES = {"tools", "vision", "embedding", "thinking", "insert"}


@dataclass(frozen=True, slots=True)
class _Running:
    """One line of `/api/ps`."""

    memory_bytes: int | None
    context_length: int | None
    expires_at: str | None


class OllamaBackend:
    """See the module. Model names are Ollama's own short ones, with their tag: `llama3.2:latest`."""

    def __init__(
        self, identity: Identity, server: Server, idle_timeout_s: float, clock: Callable[[], float] = monotonic
    ) -> None:
        self.identity, self._server, self._clock = identity, server, clock
        self._endpoint = server.endpoint()
        self._residents = Residents(clock)
        self.store = OllamaStore(server, idle_timeout_s, lambda id: self._residents.answered(_normal(id)))
        self._can_think: dict[str, bool] = {}
        self._shown_capabilities: dict[str, tuple[str, ...]] = {}

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
        return cls(OLLAMA, server, settings.idle_timeout_s, clock)

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
        return version

    # -- which models there are

    def models(self) -> list[Model]:
        answer = ask(self._server, "/api/tags")
        self._check(answer)
        if "models" not in answer.object():
            raise stranger(self._server)
        running = self._running()
        listed: list[Model] = []
        can_think: dict[str, bool] = {}
        shows_left = MOST_SHOWS
        for entry in entries(answer.object()["models"]):
            if (id := _id(entry)) is None:
                continue
            if "capabilities" not in entry and _digest(entry) not in self._shown_capabilities and shows_left:
                shows_left -= 1
                self._learn_capabilities(id, _digest(entry))
            model = self._model(id, entry, running)
            if "capabilities" in entry or _digest(entry) in self._shown_capabilities:
                can_think[_normal(id)] = "thinking" in model.capabilities
            listed.append(model)
        self._can_think = can_think
        return listed

    def resolve(self, model: str, models: list[Model]) -> Model | None:
        """Ollama's own rule: case does not matter, no tag is `:latest`, the default host and namespace may be named."""
        wanted = _normal(model)
        return next((listed for listed in models if _normal(listed.id) == wanted), None)

    def show(self, model: str) -> Mapping[str, Any]:
        answer = ask(self._server, "/api/show", {"model": model})
        if answer.status == 404:
            raise ModelNotFound(f"Ollama has no model {model[:100]!r}. GET /models lists those it has.")
        self._check(answer)
        shown = answer.object()
        details = fields(shown.get("details"))
        family = word(details.get("family"))
        listed = next((listed for listed in self.models() if listed.id == model), None)
        return without_nothing(
            {
                "model": model,
                "backend": self.identity.id,
                "license": bounded(shown.get("license")),
                "parameters": bounded(shown.get("parameters")),
                "template": bounded(shown.get("template")),
                "system": bounded(shown.get("system")),
                "family": family,
                "families": list(words(details.get("families"))) or ([family] if family else []),
                "format": word(details.get("format")),
                "parameter_size": word(details.get("parameter_size")),
                "quantization": word(details.get("quantization_level")),
                "context_length": _trained(shown, "context_length"),
                "embedding_length": _trained(shown, "embedding_length"),
                "capabilities": list(_capabilities(shown.get("capabilities"), details)),
                "modified_at": word(shown.get("modified_at")),
                "size_bytes": listed.size_bytes if listed else None,
                "is_loaded": listed.is_loaded if listed else None,
                "memory_bytes": listed.memory_bytes if listed else None,
                "loaded_context_length": listed.context_length if listed and listed.is_loaded else None,
                "details": bounded(details),
                "model_info": _short(fields(shown.get("model_info"))),
            }
        )

    def _model(self, id: str, entry: Mapping[str, JSON], running: Mapping[str, _Running] | None) -> Model:
        details = fields(entry.get("details"))
        loaded = running.get(_normal(id)) if running is not None else None
        is_loaded = self._residents.holds(_normal(id)) or None if running is None else loaded is not None
        known = self._shown_capabilities.get(_digest(entry))
        return Model(
            id=id,
            backend=self.identity.id,
            name=id,
            family=word(details.get("family")),
            parameters=word(details.get("parameter_size")),
            quantization=word(details.get("quantization_level")),
            size_bytes=count(entry.get("size")),
            context_length=(loaded and loaded.context_length) or count(details.get("context_length")),
            capabilities=known or _capabilities(entry.get("capabilities"), details),
            is_loaded=is_loaded,
            created=_seconds(entry.get("modified_at")),
            memory_bytes=loaded.memory_bytes if loaded else None,
        )

    def _running(self) -> dict[str, _Running] | None:
        """`/api/ps` by the normal form of the name. None where it does not tell: before 0.1.33, or when it waits
        for a model that is loading."""
        asked_at = self._clock()
        try:
            answer = ask(self._server, "/api/ps", timeout_s=min(PS_TIMEOUT_S, READ_TIMEOUT_S))
        except BackendTimeout:
            return None
        if answer.status != 200 or "models" not in answer.object():
            return None
        running = {}
        for entry in entries(answer.object()["models"]):
            if (id := _id(entry)) is not None:
                memory = count(entry.get("size")) or count(entry.get("size_vram"))
                context = count(entry.get("context_length"))
                running[_normal(id)] = _Running(memory, context, word(entry.get("expires_at")))
        self._residents.listed({model: seen.expires_at for model, seen in running.items()}, asked_at)
        return running

    def _learn_capabilities(self, id: str, digest: str) -> None:
        """Before 0.30 only `/api/show` tells what a model can do; what it says holds as long as the digest does."""
        shown = ask(self._server, "/api/show", {"model": id}).object()
        if isinstance(shown.get("capabilities"), list):
            self._shown_capabilities[digest] = _capabilities(shown["capabilities"], fields(shown.get("details")))

    def _check(self, answer: Answer) -> None:
        if answer.status in (401, 403):
            raise refused_key(self._server)
        if answer.status >= 500:
            raise decode_error(answer.status, answer.body)
        if answer.status != 200:
            raise stranger(self._server)

    # -- what is asked of it

    def chat(self, request: ChatRequest) -> Call:
        body = encode_chat(request, can_think=self._can_think.get(_normal(request.model)))
        guard = self._guard(request.model, request.residency)
        return self._call(request.model, "/api/chat", body, OllamaDecoder("chat"), guard, unheeded(request))

    def completion(self, request: CompletionRequest) -> Call:
        body, guard = encode_completion(request), self._guard(request.model, request.residency)
        return self._call(request.model, "/api/generate", body, OllamaDecoder("completion"), guard)

    def embed(self, request: EmbeddingRequest) -> Call:
        decoder = VectorsDecoder(decode_embeddings, len(request.inputs))
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
        return _Guard(self._residents, _normal(model), bool(residency.options))


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


def _id(entry: Mapping[str, JSON]) -> str | None:
    return word(entry.get("model")) or word(entry.get("name"))


def _digest(entry: Mapping[str, JSON]) -> str:
    return word(entry.get("digest")) or str(_id(entry))


def _normal(model: str) -> str:
    model = model.strip().lower().removeprefix("registry.ollama.ai/").removeprefix("library/")
    return model if ":" in model.rpartition("/")[2] else f"{model}:latest"


def _capabilities(told: JSON, details: Mapping[str, JSON]) -> tuple[str, ...]:
    """In the words that all backends use: chat, completion, tools, vision, embedding, thinking, insert.

    Ollama's "completion" means both of the first two. Where nothing is told, only BERT's kin cannot chat.
    """
    if not isinstance(told, list):
        families = (*words(details.get("families")), word(details.get("family")) or "")
        return ("embedding",) if any("bert" in family for family in families) else ("chat", "completion")
    found = words(told)
    generates = ("chat", "completion") if "completion" in found else ()
    return (*generates, *(capability for capability in found if capability in _CAPABILITIES))


def _trained(shown: Mapping[str, JSON], what: str) -> int | None:
    """`model_info` names its figures after the architecture: `llama.context_length`."""
    known = fields(shown.get("model_info"))
    family = word(known.get("general.architecture")) or ""
    return count(known.get(f"{family}.{what}")) or count(fields(shown.get("details")).get(what))


def _short(known: Mapping[str, JSON]) -> dict[str, JSON]:
    """Without the vocabulary: lists of 100,000 tokens tell nobody anything."""
    return {key: bounded(value) for key, value in list(known.items())[:200] if isinstance(value, (str, int, float))}


def _seconds(time: JSON) -> int:
    """RFC 3339, nanoseconds and all, as Unix time; 0 where it is none."""
    try:
        return max(0, int(datetime.fromisoformat(time).timestamp())) if isinstance(time, str) else 0
    except (ValueError, OverflowError):
        return 0
