"""The encoders as a backend: always there, whichever backend is in use, for vectors alone.

Each runs in a child of its own, started by the first request for it. They have no part in the selection of a backend:
what they make does not mix with other models' vectors, so they never stand in for a model that was named.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import orjson

from backend.backends.backend import Call
from backend.backends.store import VERBS, NoStore
from backend.dialects.chat import (
    ChatRequest,
    CompletionRequest,
    EmbeddingRequest,
    Embeddings,
    Model,
    Ranking,
    RerankRequest,
)
from backend.dialects.openai.upstream.call import RequestQuirks, encode_embeddings
from backend.dialects.openai.upstream.ranking import decode_ranking, encode_rerank
from backend.dialects.openai.upstream.vectors import decode_embeddings
from backend.dialects.vectors import counted, other_dimensions, vectors_decoder
from backend.dialects.whole import WholeDecoder
from backend.engine.encoder.models import ENCODERS, INSTALL, EncoderModel
from backend.engine.keeper import Address, Keeper, Load, Program
from backend.errors import BackendFailed, BackendUnavailable, BadRequest, GatewayError, ModelNotFound, Unsupported
from backend.identity import Identity
from backend.upstream.endpoint import Endpoint

ENCODER = Identity("embedded", "embedded", "the embedded encoder")
PROGRAM = Program(
    "backend.engine.encoder.child",
    ENCODER.subject,
    f"The embedded encoder cannot be loaded: {{error}}. Install it anew: {INSTALL} --force-reinstall",
    "The embedded encoder ended with {ending} while it was loading. Is there enough memory?",
)
QUIRKS = RequestQuirks(writes_base64=True)
MOST_THREADS = 4
LOAD_PATIENCE_S = 60.0


class EncodersBackend:
    """See the module. The first encoder that is installed is the one for requests that name none."""

    identity = ENCODER
    store = NoStore(dict.fromkeys(VERBS, "An encoder comes as a package: pip installs it and takes it away."))

    def __init__(self, threads: int | None = None) -> None:
        self._threads = threads or max(1, min(MOST_THREADS, (os.cpu_count() or 1) - 1))
        self._lock = threading.Lock()
        self._keepers: dict[str, Keeper] = {}

    def address(self) -> None:
        """Each encoder has its own."""

    def version(self) -> str:
        return ""

    def leave(self) -> None:
        """Stop them all."""
        with self._lock:
            keepers, self._keepers = list(self._keepers.values()), {}
        for keeper in keepers:
            keeper.stop()

    # -- which there are

    def models(self) -> list[Model]:
        return [self._model(model) for model in ENCODERS if model.folder() is not None]

    def resolve(self, model: str, models: list[Model]) -> Model | None:
        """Names are exact, and what is listed does not change while the gateway runs."""
        named = next((encoder for encoder in ENCODERS if encoder.id == model), None)
        return self._model(named) if named and named.folder() is not None else None

    def show(self, model: str) -> Mapping[str, Any]:
        encoder, _ = _installed(model)
        shown = self._model(encoder)
        return {
            "model": encoder.id,
            "backend": self.identity.id,
            "name": encoder.name,
            "license": encoder.license,
            "package": f"{encoder.package} {encoder.version}",
            "languages": list(encoder.languages),
            "context_length": encoder.context,
            "embedding_length": encoder.dimensions,
            "fingerprint": encoder.fingerprint,
            "capabilities": list(shown.capabilities),
            "size_bytes": encoder.size_bytes,
            "is_loaded": shown.is_loaded,
            "memory_bytes": shown.memory_bytes,
        }

    def _model(self, model: EncoderModel) -> Model:
        keeper = self._keepers.get(model.id)
        ready = keeper.ready if keeper else None
        return Model(
            id=model.id,
            backend=self.identity.id,
            name=model.name,
            size_bytes=model.size_bytes,
            context_length=model.context,
            capabilities=("embedding",),
            is_loaded=ready is not None,
            memory_bytes=_memory_bytes(ready) if ready else None,
            dimensions=model.dimensions,
            fingerprint=model.fingerprint,
            languages=model.languages,
        )

    # -- what is asked of them

    def chat(self, request: ChatRequest) -> NoReturn:
        raise _makes_vectors_only(request.model)

    def completion(self, request: CompletionRequest) -> NoReturn:
        raise _makes_vectors_only(request.model)

    def embed(self, request: EmbeddingRequest) -> Call:
        model, folder = _installed(request.model)
        if request.dimensions not in (None, model.dimensions):
            raise other_dimensions(model.dimensions)
        decoder = vectors_decoder(lambda answer: decode_embeddings(answer, self.identity), request)
        body = encode_embeddings(request, QUIRKS)
        return Call(model.id, lambda: self._reach(model, folder), "/embeddings", body, decoder, refusal, is_slow=True)

    def rerank(self, request: RerankRequest, vectors: Embeddings | None = None) -> Call:
        """Near in meaning or in words: see backend/engine/encoder/ranking.py. `vectors`, of the query and of each
        document, are used where another model has made them; then any encoder will do."""
        model, folder = _installed(request.model) if vectors is None else _any_installed()
        read, count = (vectors.input_tokens if vectors else 0), len(request.documents)

        def decode(answer: bytes) -> Ranking:
            ranking = decode_ranking(answer, count, self.identity)
            return replace(ranking, input_tokens=ranking.input_tokens + read)

        body = encode_rerank(request, vectors)
        return Call(
            model.id,
            lambda: self._reach(model, folder),
            "/rerank",
            body,
            WholeDecoder(lambda answer: counted(decode(answer))),
            refusal,
            is_slow=True,
        )

    def _reach(self, model: EncoderModel, folder: Path) -> Endpoint:
        """Raises BackendUnavailable (model_loading), BackendFailed."""
        address = self._keeper(model, folder).address(LOAD_PATIENCE_S)
        return Endpoint(
            "127.0.0.1",
            address.port,
            base_path="/v1",
            authorization=f"Bearer {address.key}",
            title=self.identity.subject,
            remedy="It is being restarted; try again in a moment.",
        )

    def _keeper(self, model: EncoderModel, folder: Path) -> Keeper:
        with self._lock:
            keeper = self._keepers.get(model.id)
            if keeper is None or keeper.may_be_tried_again():
                load = Load(folder, model.id, model.context, 1, size_bytes=model.size_bytes, program=PROGRAM)
                keeper = self._keepers[model.id] = Keeper(load, self._threads)
                keeper.start()
        return keeper


def refusal(status: int, body: bytes) -> GatewayError:
    """What the child's answer means, when it is not 200. Its words are ours, and made for the caller."""
    try:
        error = orjson.loads(body)["error"]
        message, code, param = error["message"], error["code"], error["param"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return BackendFailed("The embedded encoder failed.")
    if status == 400:
        return BadRequest(message, param, code)
    if status == 503:
        return BackendUnavailable(message, code)
    return BackendFailed(message)


def _installed(id: str) -> tuple[EncoderModel, Path]:
    for model in ENCODERS:
        if model.id == id and (folder := model.folder()) is not None:
            return model, folder
    raise ModelNotFound(f"There is no encoder {id[:100]!r}. GET /models lists those that are installed.")


def _any_installed() -> tuple[EncoderModel, Path]:
    for model in ENCODERS:
        if (folder := model.folder()) is not None:
            return model, folder
    raise Unsupported(f"Ranking needs the embedded encoder, which is not installed: {INSTALL}.")


def _makes_vectors_only(model: str) -> Unsupported:
    return Unsupported(f"{model} makes embeddings only. Choose another model for text.", "model")


def _memory_bytes(address: Address) -> int | None:
    """Resident memory of the child, where the system tells it (Linux)."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int(Path(f"/proc/{address.process_id}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return None
