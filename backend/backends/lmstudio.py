"""LM Studio: OpenAI's dialect for generation, its native listing for what models there are.

It answers 200 to paths and methods that it does not know, so nothing here believes a status alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from backend.backends.backend import Call
from backend.backends.fields import bounded, count, entries, fields, name, without_nothing, word, words
from backend.backends.lmstudio_store import LMStudioStore
from backend.dialects.chat import ChatRequest, CompletionRequest, EmbeddingRequest, Model, StreamDecoder
from backend.dialects.echo import without_echo
from backend.dialects.openai.upstream.call import (
    RequestQuirks,
    encode_chat,
    encode_completion,
    encode_embeddings,
    unheeded,
)
from backend.dialects.openai.upstream.decoder import (
    NO_QUIRKS,
    AnswerQuirks,
    OpenAIChatDecoder,
    OpenAICompletionDecoder,
)
from backend.dialects.openai.upstream.failure import decode_error
from backend.dialects.openai.upstream.vectors import decode_embeddings
from backend.dialects.vectors import vectors_decoder
from backend.errors import ContextLengthExceeded, GatewayError, ModelNotFound
from backend.identity import Identity
from backend.settings import Settings
from backend.upstream.cold import READ_TIMEOUT_S, ask, refused_key, stranger
from backend.upstream.endpoint import Server

JSON = Any
LISTINGS = ("/api/v1/models", "/api/v0/models", "/v1/models")
"""Since 0.4.0, since 0.3.6, always; the first tells most."""
LMSTUDIO = Identity(
    "lmstudio",
    "lmstudio",
    "LM Studio",
    "Check LMSTUDIO_URL",
    "Check LMSTUDIO_API_KEY",
    "LM Studio has no model yet: download one in LM Studio, or run `lms get`.",
)
QUIRKS = RequestQuirks(
    json_object_as_schema=True,  # `json_object` is refused
    named_tool_as_required=True,  # lmstudio-bug-tracker issue 670
    merge_system=True,  # strict templates want one system message, and that first (lmstudio-bug-tracker 2298)
    object_arguments=True,
    sends_ttl=True,
)


def _blank(server: Identity) -> GatewayError:
    """LM Studio finishes without a word when the prompt does not fit (lmstudio-bug-tracker 2339)."""
    return ContextLengthExceeded(
        f"{server.subject} answered with nothing at all, as it does when the prompt is too long for the context. "
        "Shorten the conversation, or load the model with a larger context."
    )


ANSWERS = AnswerQuirks(blank=_blank)


@dataclass(frozen=True, slots=True)
class _Entry:
    """A line of any listing; `aliases` are names of its loaded copies and its variants (`…:2`, `…@q4_k_m`)."""

    model: Model
    aliases: tuple[str, ...]
    told: Mapping[str, JSON]


class LMStudioBackend:
    """See the module."""

    def __init__(self, identity: Identity, server: Server, idle_timeout_s: float) -> None:
        self.identity, self._server = identity, server
        self._endpoint = server.endpoint()
        self.store = LMStudioStore(server, idle_timeout_s, self._error)
        self._aliases: dict[str, tuple[str, str]] = {}
        self._is_empty = False

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The one that LMSTUDIO_URL names."""
        server = Server(
            title=LMSTUDIO.subject,
            url=settings.lmstudio_url.removesuffix("/v1"),
            setting="LMSTUDIO_URL",
            start="Start its server with `lms server start`",
            key_setting="LMSTUDIO_API_KEY",
            key=settings.lmstudio_api_key,
            connect_timeout_s=settings.connect_timeout_s,
        )
        return cls(LMSTUDIO, server, settings.idle_timeout_s)

    def __repr__(self) -> str:
        return f"<LMStudioBackend {self._server.url}>"

    def address(self) -> str:
        return self._endpoint.url

    def version(self) -> str:
        """LM Studio tells no version."""
        self._is_empty = not self._listing(self._server.connect_timeout_s)
        return ""

    def is_empty(self) -> bool:
        return self._is_empty

    def models(self) -> list[Model]:
        listed = self._listing(READ_TIMEOUT_S)
        self._aliases = {alias.lower(): (alias, entry.model.id) for entry in listed for alias in entry.aliases}
        return [entry.model for entry in listed]

    def resolve(self, model: str, models: list[Model]) -> Model | None:
        """A key, a loaded copy or a variant; LM Studio gets the name that the caller chose among them.

        It would answer a wrong name with whatever is loaded, so names are checked here.
        """
        wanted = model.strip().lower()
        for listed in models:
            if listed.id.lower() == wanted:
                return listed
        alias, key = self._aliases.get(wanted, ("", ""))
        return next((replace(listed, id=alias) for listed in models if alias and listed.id == key), None)

    def show(self, model: str) -> Mapping[str, Any]:
        for entry in self._listing(READ_TIMEOUT_S):
            if model in (entry.model.id, *entry.aliases):
                return _shown(entry)
        raise ModelNotFound(f"LM Studio has no model {model[:100]!r}. GET /models lists those it has.")

    def _listing(self, timeout_s: float) -> list[_Entry]:
        """The best listing that this version has."""
        is_lmstudio = False
        for path in LISTINGS:
            answer = ask(self._server, path, timeout_s=timeout_s)
            if answer.status in (401, 403):
                raise refused_key(self._server)
            if answer.status >= 500:
                raise self._error(answer.status, answer.body)
            listing = answer.object()
            if answer.status == 200 and path == "/api/v1/models" and isinstance(listing.get("models"), list):
                return [entry for told in entries(listing["models"]) if (entry := _from_v1(self.identity.id, told))]
            if answer.status == 200 and path != "/api/v1/models" and isinstance(listing.get("data"), list):
                return [entry for told in entries(listing["data"]) if (entry := _from_v0(self.identity.id, told))]
            if str(listing.get("error", "")).startswith("Unexpected endpoint"):
                is_lmstudio = True
        # It knows itself by that sentence, and says it too when it wants a token and gets none (burnsbert/
        # ComfyUI-EBU-LMStudio issue 7).
        raise refused_key(self._server) if is_lmstudio else stranger(self._server)

    # -- what is asked of it

    def chat(self, request: ChatRequest) -> Call:
        # A caller's stop text can also be the reason for an answer without a word.
        decoder: StreamDecoder = OpenAIChatDecoder(self.identity, NO_QUIRKS if request.sampling.stop else ANSWERS)
        body = encode_chat(request, QUIRKS)
        decoder = without_echo(decoder, request)
        return self._call(request.model, "/v1/chat/completions", body, decoder, unheeded(request, QUIRKS))

    def completion(self, request: CompletionRequest) -> Call:
        body, decoder = encode_completion(request, QUIRKS), OpenAICompletionDecoder(self.identity)
        return self._call(request.model, "/v1/completions", body, decoder, unheeded(request, QUIRKS))

    def embed(self, request: EmbeddingRequest) -> Call:
        decoder = vectors_decoder(lambda answer: decode_embeddings(answer, self.identity), request)
        return self._call(request.model, "/v1/embeddings", encode_embeddings(request, QUIRKS), decoder)

    def _call(self, model: str, path: str, body: bytes, decoder: StreamDecoder, unheeded: tuple[str, ...] = ()) -> Call:
        return Call(model, lambda: self._endpoint, path, body, decoder, self._error, unheeded=unheeded)

    def _error(self, status: int, body: bytes) -> GatewayError:
        return decode_error(status, body, self.identity)


def _from_v1(backend: str, told: Mapping[str, JSON]) -> _Entry | None:
    """`/api/v1/models`: the id is called `key` there."""
    key = name(told.get("key"))
    if key is None:
        return None
    copies = entries(told.get("loaded_instances"))
    contexts = [count(fields(copy.get("config")).get("context_length")) for copy in copies]
    able = fields(told.get("capabilities"))
    quantization = told.get("quantization")
    model = Model(
        id=key,
        backend=backend,
        name=word(told.get("display_name")) or key,
        family=word(told.get("architecture")),
        parameters=word(told.get("params_string")),
        quantization=word(fields(quantization).get("name")) or word(quantization),
        size_bytes=count(told.get("size_bytes")),
        context_length=next(filter(None, contexts), count(told.get("max_context_length"))),
        trained_context_length=count(told.get("max_context_length")),
        capabilities=_capabilities(
            word(told.get("type")),
            key,
            tools=able.get("trained_for_tool_use") is True,
            vision=able.get("vision") is True,
            thinking=bool(able.get("reasoning")),
        ),
        is_loaded=bool(copies),
    )
    loaded = (name(copy.get("id")) for copy in copies)
    aliases = (*(copy for copy in loaded if copy), *words(told.get("variants")))
    return _Entry(model, tuple(alias for alias in aliases if alias != key), told)


def _from_v0(backend: str, told: Mapping[str, JSON]) -> _Entry | None:
    """`/api/v0/models`, and `/v1/models`, which has the id alone."""
    id = name(told.get("id"))
    if id is None:
        return None
    state = word(told.get("state"))
    is_loaded = state == "loaded" if state else None
    kind = word(told.get("type"))
    model = Model(
        id=id,
        backend=backend,
        name=id,
        family=word(told.get("arch")),
        quantization=word(told.get("quantization")),
        context_length=count(told.get("loaded_context_length")) or count(told.get("max_context_length")),
        trained_context_length=count(told.get("max_context_length")),
        capabilities=_capabilities(
            kind, id, tools="tool_use" in words(told.get("capabilities")), vision=kind == "vlm", thinking=False
        ),
        is_loaded=is_loaded,
        created=count(told.get("created")) or 0,
    )
    return _Entry(model, (), told)


def _capabilities(kind: str | None, id: str, *, tools: bool, vision: bool, thinking: bool) -> tuple[str, ...]:
    """LM Studio names embedding models `text-embedding-…`, which is all that its OpenAI listing tells."""
    if kind in ("embedding", "embeddings") or (kind is None and id.lower().startswith("text-embedding-")):
        return ("embedding",)
    can = (("tools", tools), ("vision", vision), ("thinking", thinking))
    return ("chat", "completion", *(capability for capability, is_told in can if is_told))


def _shown(entry: _Entry) -> dict[str, JSON]:
    model = entry.model
    return without_nothing(
        {
            "model": model.id,
            "backend": model.backend,
            "name": model.name,
            "publisher": word(entry.told.get("publisher")),
            "description": bounded(entry.told.get("description")),
            "family": model.family,
            "families": [model.family] if model.family else [],
            "format": word(entry.told.get("format")) or word(entry.told.get("compatibility_type")),
            "parameter_size": model.parameters,
            "quantization": model.quantization,
            "size_bytes": model.size_bytes,
            "context_length": count(entry.told.get("max_context_length")),
            "loaded_context_length": model.context_length if model.is_loaded else None,
            "capabilities": list(model.capabilities),
            "is_loaded": model.is_loaded,
            "details": bounded(entry.told),
        }
    )
