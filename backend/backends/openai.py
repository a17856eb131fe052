"""Any server that speaks OpenAI's API: llama.cpp, vLLM, SGLang, Ray Serve, a cloud."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Self

from backend.backends.backend import Call
from backend.backends.fields import bounded, count, entries, fields, name, scale, without_nothing, word, words
from backend.backends.store import VERBS, NoStore
from backend.dialects.chat import ChatRequest, CompletionRequest, EmbeddingRequest, Model, RerankRequest, StreamDecoder
from backend.dialects.echo import without_echo
from backend.dialects.openai.upstream.call import (
    PLAIN,
    RequestQuirks,
    encode_chat,
    encode_completion,
    encode_embeddings,
    unheeded,
)
from backend.dialects.openai.upstream.count import COUNTED_AT, count_refused, decode_count, encode_tokenize
from backend.dialects.openai.upstream.decoder import OpenAIChatDecoder, OpenAICompletionDecoder
from backend.dialects.openai.upstream.failure import OPENAI_COMPATIBLE, decode_error
from backend.dialects.openai.upstream.ranking import decode_ranking, encode_rerank
from backend.dialects.openai.upstream.vectors import decode_embeddings
from backend.dialects.vectors import counted, vectors_decoder
from backend.dialects.whole import WholeDecoder
from backend.errors import BackendFailed, GatewayError, ModelNotFound
from backend.identity import Identity
from backend.settings import Settings
from backend.upstream.cold import READ_TIMEOUT_S, Answer, ask, refused_key, stranger
from backend.upstream.endpoint import Server

JSON = Any
ENGINE = RequestQuirks(
    repeat_penalty_names=("repeat_penalty", "repetition_penalty"),
    thinking="chat_template_kwargs",
    object_arguments=True,  # vllm/entrypoints/chat_utils.py parses them, too
)
ENGINES = {
    "llamacpp": replace(ENGINE, tells_progress=True, thinking_budget=True),
    "vllm": ENGINE,
    "sglang": ENGINE,
}
"""Who "owns" the models in the listing of a server that runs them itself."""
OPENAI = RequestQuirks(max_tokens_name="max_completion_tokens", repeat_penalty_names=())
"""OpenAI itself refuses fields that it does not know, and `max_tokens` for its newer models."""
_CAN_LOOK = {"image", "vision", "multimodal"}


class OpenAIBackend:
    """See the module.

    Names are exact. Where the server has no listing at all (`GET /models` is 404) every name is passed on as it is,
    and the server judges; an empty listing is a listing, and no name is in it.
    """

    store = NoStore(
        dict.fromkeys(VERBS, "OpenAI's API does not manage models: do that where the OpenAI-compatible server runs.")
    )

    def __init__(self, identity: Identity, server: Server) -> None:
        self.identity, self._server = identity, server
        self._endpoint = server.endpoint()
        self._has_listing = True
        self._quirks = OPENAI if self._endpoint.host == "api.openai.com" else PLAIN
        self._engine = ""

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The one that OPENAI_URL names."""
        server = Server(
            title=OPENAI_COMPATIBLE.subject,
            url=settings.openai_url,
            setting="OPENAI_URL",
            start="Start it",
            key_setting="OPENAI_API_KEY",
            key=settings.openai_api_key,
            connect_timeout_s=settings.connect_timeout_s,
        )
        return cls(OPENAI_COMPATIBLE, server)

    def __repr__(self) -> str:
        return f"<OpenAIBackend {self._server.url}>"

    def address(self) -> str:
        return self._endpoint.url

    def version(self) -> str:
        """OpenAI's API tells no version. Raises BackendFailed where OPENAI_URL or the key looks wrong."""
        self._listing(self._server.connect_timeout_s)
        return ""

    def models(self) -> list[Model]:
        listing = self._listing(READ_TIMEOUT_S)
        tags = {id: entry for entry in entries(listing.get("models")) if (id := name(entry.get("name")))}
        listed = entries(listing.get("data"))
        owners = (word(entry.get("owned_by")) or "" for entry in listed)
        if engine := next((owner for owner in owners if owner in ENGINES), ""):
            self._engine, self._quirks = engine, ENGINES[engine]
        return [
            _model(self.identity.id, id, entry, tags.get(id, {})) for entry in listed if (id := name(entry.get("id")))
        ]

    def resolve(self, model: str, models: list[Model]) -> Model | None:
        if not self._has_listing and name(model):
            return Model(model, self.identity.id, model)
        return next((listed for listed in models if listed.id == model), None)

    def show(self, model: str) -> Mapping[str, Any]:
        listing = self._listing(READ_TIMEOUT_S)
        for entry in entries(listing.get("data")):
            if entry.get("id") == model:
                return _shown(_model(self.identity.id, model, entry, {}), entry)
        if not self._has_listing:
            return {"model": model, "backend": self.identity.id}
        raise ModelNotFound(f"{self._server.title} has no model {model[:100]!r}. GET /models lists those it has.")

    def _listing(self, timeout_s: float) -> Mapping[str, JSON]:
        """`GET /models`, or {} where the server has none."""
        answer = ask(self._server, "/models", timeout_s=timeout_s)
        if answer.status in (401, 403):
            raise refused_key(self._server)
        if answer.status == 404:
            self._check_path(timeout_s)
            self._has_listing = False
            return {}
        if answer.status != 200:
            raise self._error(answer.status, answer.body)
        if not _is_listing(answer):
            self._check_path(timeout_s)
            raise stranger(self._server)
        self._has_listing = True
        return answer.object()

    def _check_path(self, timeout_s: float) -> None:
        """The usual slip: the address without its /v1."""
        if not self._server.url.endswith("/v1") and _is_listing(ask(self._server, "/v1/models", timeout_s=timeout_s)):
            raise BackendFailed(
                f"The server's API is at {self._server.url}/v1. Set OPENAI_URL={self._server.url}/v1 in .env.",
                should_retry=False,
            )

    # -- what is asked of it

    def chat(self, request: ChatRequest) -> Call:
        body = encode_chat(request, self._quirks)
        decoder = without_echo(OpenAIChatDecoder(self.identity), request)
        return self._call(request.model, "/chat/completions", body, decoder, unheeded(request, self._quirks))

    def completion(self, request: CompletionRequest) -> Call:
        body, decoder = encode_completion(request, self._quirks), OpenAICompletionDecoder(self.identity)
        return self._call(request.model, "/completions", body, decoder, unheeded(request, self._quirks))

    def embed(self, request: EmbeddingRequest) -> Call:
        decoder = vectors_decoder(lambda answer: decode_embeddings(answer, self.identity), request)
        return self._call(request.model, "/embeddings", encode_embeddings(request, self._quirks), decoder)

    def rerank(self, request: RerankRequest) -> Call:
        """llama.cpp has it with --reranking, vLLM for models that score."""
        count = len(request.documents)
        decoder = WholeDecoder(lambda answer: counted(decode_ranking(answer, count, self.identity)))
        return self._call(request.model, "/rerank", encode_rerank(request), decoder)

    def count(self, request: ChatRequest) -> Call | None:
        decoder = WholeDecoder(lambda answer: decode_count(answer, self.identity))
        match self._engine:
            case "llamacpp":
                endpoint, path, body = self._endpoint, COUNTED_AT, encode_chat(request, self._quirks)
            case "vllm":
                endpoint = replace(self._endpoint, base_path=self._endpoint.base_path.removesuffix("/v1"))
                path, body = "/tokenize", encode_tokenize(request, self._quirks)
            case _:
                return None
        return Call(request.model, lambda: endpoint, path, body, decoder, self._count_error)

    def _count_error(self, status: int, body: bytes) -> GatewayError:
        return count_refused(status, self._error(status, body))

    def _call(self, model: str, path: str, body: bytes, decoder: StreamDecoder, unheeded: tuple[str, ...] = ()) -> Call:
        return Call(model, lambda: self._endpoint, path, body, decoder, self._error, unheeded=unheeded)

    def _error(self, status: int, body: bytes) -> GatewayError:
        return decode_error(status, body, self.identity)


def _is_listing(answer: Answer) -> bool:
    """Ollama's /v1 and others write null for no models; an error with status 200 has no `data` at all."""
    listing = answer.object()
    return answer.status == 200 and "data" in listing and isinstance(listing["data"], (list, type(None)))


def _model(backend: str, id: str, entry: Mapping[str, JSON], tag: Mapping[str, JSON]) -> Model:
    """`meta`, `architecture` and `status` are llama.cpp's, `max_model_len` is vLLM's; others tell the id alone."""
    meta = fields(entry.get("meta"))
    return Model(
        id=id,
        backend=backend,
        name=id,
        parameters=scale(meta.get("n_params")),
        quantization=word(meta.get("ftype")),
        size_bytes=count(meta.get("size")),
        context_length=count(meta.get("n_ctx")) or count(entry.get("max_model_len")) or count(meta.get("n_ctx_train")),
        trained_context_length=count(meta.get("n_ctx_train")),
        capabilities=_capabilities(id, entry, tag),
        is_loaded=_is_loaded(entry),
        created=count(entry.get("created")) or 0,
    )


def _capabilities(id: str, entry: Mapping[str, JSON], tag: Mapping[str, JSON]) -> tuple[str, ...]:
    """OpenAI's listing does not tell; only a name says that a model makes embeddings or reranks."""
    if "rerank" in id.lower():
        return ("rerank",)
    if "embed" in id.lower():
        return ("embedding",)
    sees = {*words(fields(entry.get("architecture")).get("input_modalities")), *words(tag.get("capabilities"))}
    return ("chat", "completion", "vision") if sees & _CAN_LOOK else ("chat", "completion")


def _is_loaded(entry: Mapping[str, JSON]) -> bool | None:
    """llama.cpp's router says so; a single llama.cpp or vLLM serves what it has loaded; of others nobody knows."""
    status = word(fields(entry.get("status")).get("value"))
    if status is not None:
        return status == "loaded"
    return True if word(entry.get("owned_by")) in ENGINES else None


def _shown(model: Model, entry: Mapping[str, JSON]) -> dict[str, JSON]:
    return without_nothing(
        {
            "model": model.id,
            "backend": model.backend,
            "parameter_size": model.parameters,
            "quantization": model.quantization,
            "size_bytes": model.size_bytes,
            "context_length": model.context_length,
            "capabilities": list(model.capabilities),
            "is_loaded": model.is_loaded,
            "details": bounded(entry),
        }
    )
