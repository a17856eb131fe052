"""The embedded engine as a backend: llama.cpp in a child process, one GGUF at a time.

A request for a listed model that is not loaded makes the engine change over to it, if it is idle; while it
answers somebody, the request is refused (model_busy), so that nobody's answer is cut. Where a request says nothing of
sampling, what the model's maker recommends is used. The bundled demo model runs at temperature 0 and is paced.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import threading
from collections.abc import Mapping
from dataclasses import replace
from time import monotonic
from typing import Any, TypeVar

from backend.backends.backend import Call
from backend.backends.store import NoStore
from backend.dialects.chat import (
    ChatRequest,
    CompletionRequest,
    EmbeddingRequest,
    Image,
    Model,
    RerankRequest,
    StreamDecoder,
)
from backend.dialects.openai.upstream.call import (
    RequestQuirks,
    encode_chat,
    encode_completion,
    encode_embeddings,
    unheeded,
)
from backend.dialects.openai.upstream.count import COUNTED_AT, decode_count
from backend.dialects.openai.upstream.decoder import OpenAIChatDecoder, OpenAICompletionDecoder
from backend.dialects.openai.upstream.failure import decode_error
from backend.dialects.openai.upstream.ranking import decode_ranking, encode_rerank
from backend.dialects.openai.upstream.vectors import decode_embeddings
from backend.dialects.vectors import counted, vectors_decoder
from backend.dialects.whole import WholeDecoder
from backend.engine.engine import Engine
from backend.engine.folder import ModelFile
from backend.engine.keeper import Load
from backend.engine.library import Library, without_suffix
from backend.errors import BackendFailed, BackendUnavailable, Unsupported
from backend.identity import Identity
from backend.settings import Settings
from backend.upstream.endpoint import Endpoint

Request = TypeVar("Request", ChatRequest, CompletionRequest)

EMBEDDED = Identity(
    "embedded",
    "embedded",
    "the embedded engine",
    "Restart the gateway",
    "Restart the gateway",
    "The embedded engine has no model: put a GGUF file into the models folder (MODELS_DIR).",
)
QUIRKS = RequestQuirks(
    named_tool_as_required=True,
    merge_system=True,
    object_arguments=True,
    writes_base64=True,
    tells_progress=True,
    thinking_budget=True,
    thinking="chat_template_kwargs",
)
"""llama.cpp's server takes `tool_choice` as a word only, and most chat templates in GGUF files want their one
system message first, and objects for arguments."""
DEMO_PACE_S = 1 / 50
ARRIVAL_S = 1.0
"""A call that was handed out this recently may not have reached the engine yet."""
LOAD_PATIENCE_S = 20.0
"""A request waits this long for its model; whoever asks again later finds it further on."""
PROBE_PATIENCE_S = 1.0
"""A probe waits this long, so that a small model is there when the gateway says that it is."""
LEAVE_POLL_S = 0.5
CANNOT = {
    "load": "The embedded engine loads a model when it is asked something: just ask it.",
    "unload": "The embedded engine unloads a model when it is asked for another one, or when the gateway stops.",
    "pull": "The embedded engine downloads nothing: put a GGUF file into the models folder (MODELS_DIR).",
    "delete": "The embedded engine deletes nothing: remove the GGUF file from the models folder (MODELS_DIR).",
}


class EmbeddedBackend:
    """See the module. `engine` is replaced only by tests."""

    identity = EMBEDDED
    store = NoStore(CANNOT)

    def __init__(self, settings: Settings, engine: Engine | None = None) -> None:
        self._settings = settings
        self._engine = engine or Engine()
        self._library = Library(settings.models_dir)
        self._lock = threading.Lock()
        self._handed_out_at = -ARRIVAL_S
        self._waiting = 0
        self._is_wanted = threading.Event()

    # -- what runs

    def address(self) -> str | None:
        ready = self._engine.ready()
        return f"http://127.0.0.1:{ready.port}/v1" if ready else None

    def version(self) -> str:
        """Being asked means being chosen (nobody asks further once a better backend answers): the engine starts
        now, so that the first request need not wait, or changes to what the folder holds now."""
        version = _engine_version()
        files = self._library.files()
        self._is_wanted.set()
        loaded = self._engine.loaded
        is_listed = any(self._load(file) == loaded for file in files)
        default = self._load(self._library.default(self._settings.default_model))
        if not is_listed or self._engine.failure():
            self._change_to(default)
        with contextlib.suppress(BackendFailed, BackendUnavailable):  # what it says instead follows
            self._engine.address(PROBE_PATIENCE_S)
        loaded, failure = self._engine.loaded, self._engine.failure()
        if failure and loaded == default:
            raise BackendUnavailable(failure)
        return version if self._engine.ready() or loaded is None else f"{version}, loading {loaded.model}"

    def leave(self) -> None:
        """Stop the engine as soon as nobody is being answered, unless it is wanted again before that."""
        self._is_wanted.clear()
        if self._engine.loaded is not None:
            threading.Thread(target=self._leave, name="engine-leave", daemon=True).start()

    def _leave(self) -> None:
        while self._is_in_use():
            if self._is_wanted.wait(LEAVE_POLL_S):
                return
        with self._lock:
            if not self._is_wanted.is_set():
                self._engine.stop()

    def _is_in_use(self) -> bool:
        return self._waiting > 0 or monotonic() - self._handed_out_at < ARRIVAL_S or self._engine.is_busy()

    def _change_to(self, load: Load) -> bool:
        """Whether the engine now runs this, or is about to. False: it is answering with another model."""
        if self._engine.loaded not in (None, load) and self._is_in_use():
            return False
        with self._lock:
            self._engine.load(load)
        return True

    def _reach(self, file: ModelFile) -> Endpoint:
        """Make sure that the engine runs this model, wait for it, and say where it listens.

        Raises BackendUnavailable (model_busy, model_loading), BackendFailed.
        """
        self._is_wanted.set()
        if not self._change_to(self._load(file)):
            raise BackendUnavailable(
                "The embedded engine serves one model at a time, and is answering somebody with another one. "
                f"Use that one, or ask for {file.id} again in a moment.",
                "model_busy",
                5,
            )
        with self._lock:
            self._waiting += 1
        try:
            address = self._engine.address(LOAD_PATIENCE_S)
            self._handed_out_at = monotonic()
        finally:
            with self._lock:
                self._waiting -= 1
        return Endpoint(
            "127.0.0.1",
            address.port,
            base_path="/v1",
            authorization=f"Bearer {address.key}",
            title=self.identity.subject,
            remedy="It is being restarted; try again in a moment.",
        )

    # -- which models there are

    def models(self) -> list[Model]:
        return [self._model(file) for file in self._library.files()]

    def resolve(self, model: str, models: list[Model]) -> Model | None:
        wanted = without_suffix(model)
        return next((listed for listed in models if listed.id in (model, wanted)), None)

    def show(self, model: str) -> Mapping[str, Any]:
        file = self._library.file(model)
        shown = self._model(file)
        return {**file.described(), "context_length": shown.context_length, "is_loaded": shown.is_loaded}

    def _load(self, file: ModelFile) -> Load:
        return file.load(self._settings.engine_context, self._settings.engine_parallel)

    def _model(self, file: ModelFile) -> Model:
        load = self._load(file)
        address = self._engine.ready() if self._engine.loaded == load else None
        header = file.header
        return Model(
            id=file.id,
            backend=self.identity.id,
            name=file.name,
            family=header.architecture or None,
            parameters=header.parameters,
            quantization=header.quantization,
            size_bytes=file.size_bytes,
            context_length=address.context if address else load.context,
            capabilities=file.capabilities,
            trained_context_length=header.trained_context,
            is_loaded=address is not None,
            is_demo=file.is_demo,
            created=file.changed_ns // 10**9,
            memory_bytes=self._engine.memory_bytes() if address else None,
            languages=file.maker.languages,
            sampling=file.maker.sampling,
            dimensions=header.dimensions if header.makes_embeddings else None,
            fingerprint=file.fingerprint or None,
        )

    # -- what is asked of it

    def chat(self, request: ChatRequest) -> Call:
        file = self._library.file(request.model)
        _check(request, file)
        asked = _as_its_maker_says(request, file)
        body, decoder = encode_chat(asked, QUIRKS), OpenAIChatDecoder(self.identity)
        return self._call(file, "/chat/completions", body, decoder, unheeded(request, QUIRKS))

    def completion(self, request: CompletionRequest) -> Call:
        file = self._library.file(request.model)
        _check_speaks(file)
        asked = _as_its_maker_says(request, file)
        body, decoder = encode_completion(asked, QUIRKS), OpenAICompletionDecoder(self.identity)
        return self._call(file, "/completions", body, decoder, unheeded(request, QUIRKS))

    def embed(self, request: EmbeddingRequest) -> Call:
        file = self._library.file(request.model)
        if not file.header.makes_embeddings:
            raise Unsupported(
                f"{file.name} makes no embeddings. use-multilingual does, or a GGUF that is made for it.", "model"
            )
        decoder = vectors_decoder(lambda answer: decode_embeddings(answer, self.identity), request)
        return self._call(file, "/embeddings", encode_embeddings(request, QUIRKS), decoder)

    def rerank(self, request: RerankRequest) -> Call:
        file = self._library.file(request.model)
        if not file.header.ranks:
            raise Unsupported(f"{file.name} ranks no documents. Name a model that does, or none.", "model")
        count = len(request.documents)
        decoder = WholeDecoder(lambda answer: counted(decode_ranking(answer, count, self.identity)))
        return self._call(file, "/rerank", encode_rerank(request), decoder)

    def count(self, request: ChatRequest) -> Call:
        file = self._library.file(request.model)
        _check(request, file)
        decoder = WholeDecoder(lambda answer: decode_count(answer, self.identity))
        return self._call(file, COUNTED_AT, encode_chat(request, QUIRKS), decoder)

    def _call(
        self, file: ModelFile, path: str, body: bytes, decoder: StreamDecoder, unheeded: tuple[str, ...] = ()
    ) -> Call:
        return Call(
            file.id,
            lambda: self._reach(file),
            path,
            body,
            decoder,
            lambda status, answer: decode_error(status, answer, self.identity),
            is_slow=True,
            pace_s=_pace(file),
            unheeded=unheeded,
        )


def _check(request: ChatRequest, file: ModelFile) -> None:
    """Refuse what llama.cpp would drop without a word (tools), or what would come out as nonsense."""
    _check_speaks(file)
    if any(isinstance(part, Image) for message in request.messages for part in message.parts):
        raise Unsupported("The embedded engine cannot look at images. Use Ollama or LM Studio for that.", "messages")
    if request.tools and request.tool_choice != "none" and "tools" not in file.capabilities:
        raise Unsupported(f"{file.name} cannot call tools. Choose a model that lists tools under /models.", "tools")
    if request.response_format is not None and file.is_demo:
        raise Unsupported("The demo model cannot write JSON. Install a real model for that.", "response_format")


def _check_speaks(file: ModelFile) -> None:
    if not file.speaks:
        does = "ranks documents" if file.header.ranks else "makes embeddings"
        raise Unsupported(f"{file.name} {does} only. Choose another model for text.", "model")


def _as_its_maker_says(request: Request, file: ModelFile) -> Request:
    """What the caller says of sampling, and what the maker recommends for the rest. The demo's caller has no say in the
    temperature: any other breaks the sentences that it knows by heart."""
    said = replace(request.sampling, temperature=None) if file.is_demo else request.sampling
    return replace(request, sampling=said.filled(file.maker.sampling))


def _pace(file: ModelFile) -> float | None:
    return DEMO_PACE_S if file.is_demo else None


def _engine_version() -> str:
    try:
        return f"xllamacpp {importlib.metadata.version('xllamacpp')}"
    except importlib.metadata.PackageNotFoundError:
        raise BackendUnavailable(
            "The embedded engine needs the package xllamacpp: pip install -r requirements.txt."
        ) from None
