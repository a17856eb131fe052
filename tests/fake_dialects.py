"""What a fake backend answers when no script says otherwise: sane Ollama, LM Studio and OpenAI."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tests.fake_steps import Chunks, Do, End, Head, Status, Step

JSON = Any
KINDS = ("ollama", "lmstudio", "openai")
TOKENS = ("Hello", " from", " the", " fake", " é✓", ".")
JOBS = "/api/v1/models/download/status/"
NDJSON, SSE = "application/x-ndjson", "text/event-stream"
LIBRARY = ("smollm2:135m", "hf.co/bartowski/SmolLM2-135M-Instruct-GGUF:Q4_K_M", "ibm/granite-4-micro")
WIDTH = 8
"""Of the vectors that it makes."""
CREATED = 1_795_000_000
TIME = "2026-11-21T10:00:00.123456789Z"
DURATIONS = {
    "total_duration": 912_345_678,
    "load_duration": 51_234_567,
    "prompt_eval_count": 26,
    "prompt_eval_duration": 130_079_000,
    "eval_duration": 59_709_000,
}


@dataclass(frozen=True)
class FakeModel:
    """A model that the fake has. LM Studio's and Ollama's listings show all of it, OpenAI's the id.

    Of Ollama's alone: `tagged` is what `/api/tags` says that it can do (None: the truth), `copy_of` the name whose
    manifest it shares, `weights` what its file is called (a copy's: the other's), `remote` the host of a cloud model;
    with a `template` in Jinja its runner repeats the words that an answer goes on from.
    """

    name: str
    family: str = "llama"
    parameters: str = "3.2B"
    quantization: str = "Q4_K_M"
    size: int = 2_019_393_189
    context_length: int = 8192
    capabilities: tuple[str, ...] = ("completion", "tools")
    is_loaded: bool = False
    instances: tuple[str, ...] = ()
    variants: tuple[str, ...] = ()
    num_ctx: int | None = 4096
    tagged: tuple[str, ...] | None = None
    copy_of: str = ""
    weights: str = ""
    remote: str = ""
    template: str = "{{ .Prompt }}"

    @classmethod
    def of(cls, model: str | FakeModel) -> FakeModel:
        if isinstance(model, FakeModel):
            return model
        return cls(model, "bert", "137M", "F16", capabilities=("embedding",)) if "embed" in model else cls(model)

    @property
    def digest(self) -> str:
        return hashlib.sha256((self.copy_of or self.name).encode()).hexdigest()

    @property
    def blob(self) -> str:
        """Where its weights lie."""
        return (
            "/models/blobs/sha256-" + hashlib.sha256((self.weights or self.copy_of or self.name).encode()).hexdigest()
        )


@dataclass(frozen=True)
class Asked:
    """A request, as far as the dialects care."""

    method: str
    path: str
    json: JSON = None

    @property
    def fields(self) -> Mapping[str, JSON]:
        return self.json if isinstance(self.json, dict) else {}


@dataclass
class Fake:
    """A kind of server with its models; `tokens` is what every generation says."""

    kind: str
    models: list[FakeModel]
    version: str = "0.33.0"
    tokens: Sequence[str] = TOKENS
    missing: set[str] = field(default_factory=set)
    token_pause_s: float = 0.0
    library: Sequence[str] = LIBRARY
    jobs: dict[str, list[dict[str, JSON]]] = field(default_factory=dict)
    is_cloud_off: bool = False

    def answer(self, asked: Asked) -> tuple[Step, ...]:
        answer = None if asked.path in self.missing else _ROUTES[self.kind](self, asked)
        return answer or _unknown(self.kind, asked)

    def model(self, name: JSON) -> FakeModel | None:
        wanted = str(name).lower()
        names = (wanted, f"{wanted}:latest") if self.kind == "ollama" else (wanted,)
        return next((model for model in self.models if model.name.lower() in names), None)

    def add(self, name: str) -> None:
        """A model that was pulled."""
        if self.model(name) is None:
            self.models = [*self.models, FakeModel.of(name)]

    def change(self, model: FakeModel, **changes: JSON) -> None:
        """From now on the model is another one."""
        self.models = [replace(known, **changes) if known.name == model.name else known for known in self.models]


def stream(kind: str, path: str, model: str, tokens: Sequence[str] = TOKENS) -> tuple[str, list[bytes]]:
    """The content type and the whole events of a good streamed answer, usage asked for."""
    if kind == "ollama":
        return NDJSON, _ollama_lines(path == "/api/chat", model, tokens)
    return SSE, _openai_events(path.endswith("/chat/completions"), model, tokens, with_usage=True)


# -- Ollama -------------------------------------------------------------------------------------


def _ollama(fake: Fake, asked: Asked) -> tuple[Step, ...] | None:
    match asked.method, asked.path:
        case (("GET" | "HEAD"), "/"):
            return (Status(body=b"Ollama is running"),)
        case (("GET" | "HEAD"), "/api/version"):
            return (Status(body={"version": fake.version}),)
        case "GET", "/api/tags":
            return (Status(body={"models": [_tag(model) for model in fake.models]}),)
        case "GET", "/api/ps":
            return (Status(body={"models": [_running(model) for model in fake.models if model.is_loaded]}),)
        case "POST", "/api/pull":
            return _ollama_pull(fake, str(asked.fields.get("model")))
        case "DELETE", "/api/delete":
            return _ollama_delete(fake, asked)
        case "POST", ("/api/show" | "/api/chat" | "/api/generate" | "/api/embed"):
            return _ollama_post(fake, asked)
        case _, ("/" | "/api/version" | "/api/tags" | "/api/ps" | "/api/show" | "/api/chat" | "/api/generate"):
            return (Status(405, body=b"405 method not allowed"),)
    return None


def _ollama_post(fake: Fake, asked: Asked) -> tuple[Step, ...]:
    name = asked.fields.get("model")
    if not isinstance(asked.json, dict) or not isinstance(name, str):
        return (Status(400, body={"error": "model is required"}),)
    model = fake.model(name)
    if model is None:
        return (Status(404, body={"error": f"model '{name}' not found"}),)
    if model.remote and fake.is_cloud_off:
        return (Status(403, body={"error": "ollama cloud is disabled: remote model is unavailable"}),)
    if asked.path == "/api/show":
        return (Status(body=_shown(model)),)
    if asked.path == "/api/generate" and not asked.fields.get("prompt"):
        return _ollama_load(fake, model, asked)
    if asked.path == "/api/embed":
        inputs = asked.fields.get("input")
        if not inputs:
            _ollama_run(fake, model, True)
        texts = [inputs] if isinstance(inputs, str) else list(inputs or [])
        body = {"model": name, "embeddings": [vector(text) for text in texts], "prompt_eval_count": len(texts)}
        return (Status(body={**body, "total_duration": 14_143_917, "load_duration": 1_019_500}),)
    lines = _ollama_lines(asked.path == "/api/chat", name, fake.tokens)
    if asked.fields.get("stream", True):
        return (Head(200, {"content-type": NDJSON}), Chunks(lines, fake.token_pause_s), End())
    last = json.loads(lines[-1])
    text = "".join(fake.tokens)
    last |= {"message": {"role": "assistant", "content": text}} if asked.path == "/api/chat" else {"response": text}
    return (Status(body=last),)


def _ollama_load(fake: Fake, model: FakeModel, asked: Asked) -> tuple[Step, ...]:
    """No prompt: load, or unload where nothing is to be kept, whatever the model can do."""
    loads = asked.fields.get("keep_alive") != 0
    if loads and "completion" not in model.capabilities:
        return (Status(400, body={"error": f'"{model.name}" does not support generate'}),)
    _ollama_run(fake, model, loads)
    done = {"done": True, "done_reason": "load" if loads else "unload"}
    return (Status(body={"model": model.name, "created_at": TIME, "response": "", **done}),)


def _ollama_run(fake: Fake, model: FakeModel, loads: bool) -> None:
    """One runner for all names of the same weights, shown under the name that it was loaded for."""
    others = [other for other in fake.models if other.is_loaded and other.blob == model.blob]
    if loads and any((other.num_ctx, other.blob) == (model.num_ctx, model.blob) for other in others):
        return
    for other in others:
        fake.change(other, is_loaded=False)
    fake.change(model, is_loaded=loads)


def pull_lines(*layers: int) -> list[bytes]:
    """What Ollama says of a pull of layers of these sizes, up to its "success". Zeros are left out."""
    told: list[dict[str, JSON]] = [{"status": "pulling manifest"}]
    for number, size in enumerate(layers):
        layer = {"status": f"pulling {number:012x}", "digest": f"sha256:{number:064x}", "total": size}
        told += [layer, {**layer, "completed": size // 2}, {**layer, "completed": size}]
    told += [{"status": "verifying sha256 digest"}, {"status": "writing manifest"}, {"status": "success"}]
    return [json.dumps(line).encode() + b"\n" for line in told]


def _ollama_pull(fake: Fake, name: str) -> tuple[Step, ...]:
    head, *rest = pull_lines(2000, 100)
    if name not in fake.library:
        complaint = b'{"error":"pull model manifest: file does not exist"}\n'
        return (Head(200, {"content-type": NDJSON}), Chunks([head, complaint]), End())
    done = Do(lambda: fake.add(name))
    return (Head(200, {"content-type": NDJSON}), Chunks([head, *rest[:-1]]), done, Chunks(rest[-1:]), End())


def _ollama_delete(fake: Fake, asked: Asked) -> tuple[Step, ...]:
    model = fake.model(asked.fields.get("model"))
    if model is None:
        return (Status(404, body={"error": f"model '{asked.fields.get('model')}' not found"}),)
    fake.models = [known for known in fake.models if known is not model]
    return (Status(body=b""),)


def _ollama_lines(is_chat: bool, model: str, tokens: Sequence[str]) -> list[bytes]:
    def line(text: str, rest: Mapping[str, JSON]) -> bytes:
        said = {"message": {"role": "assistant", "content": text}} if is_chat else {"response": text}
        return json.dumps({"model": model, "created_at": TIME, **said, **rest}, ensure_ascii=False).encode() + b"\n"

    last: dict[str, JSON] = {"done": True, "done_reason": "stop", **DURATIONS, "eval_count": len(tokens)}
    if not is_chat:
        last["context"] = [1, 2, 3]
    return [*(line(token, {"done": False}) for token in tokens), line("", last)]


def _details(model: FakeModel) -> dict[str, JSON]:
    return {
        "parent_model": "",
        "format": "gguf",
        "family": model.family,
        "families": [model.family],
        "parameter_size": model.parameters,
        "quantization_level": model.quantization,
        "context_length": model.context_length,
        "embedding_length": WIDTH,
    }


def _tag(model: FakeModel) -> dict[str, JSON]:
    return {
        "name": model.name,
        "model": model.name,
        "modified_at": "2026-10-04T09:12:30.5+02:00",
        "size": model.size,
        "digest": model.digest,
        "details": _details(model),
        "capabilities": list(model.capabilities if model.tagged is None else model.tagged),
        **({"remote_host": model.remote, "remote_model": model.name.removesuffix("-cloud")} if model.remote else {}),
    }


def _running(model: FakeModel) -> dict[str, JSON]:
    loaded = {"size": 3_000_000_000, "size_vram": 2_500_000_000, "context_length": 4096, "expires_at": TIME}
    return {"name": model.name, "model": model.name, "digest": model.digest, "details": _details(model), **loaded}


def _shown(model: FakeModel) -> dict[str, JSON]:
    num_ctx = [f"num_ctx                        {model.num_ctx}"] if model.num_ctx else []
    return {
        "license": "MIT License\nCopyright …",
        "modelfile": f"# Modelfile\n# FROM {model.name}\n\nFROM {model.blob}\nTEMPLATE x\nFROM no file\n",
        "parameters": "\n".join((*num_ctx, 'stop                           "<|end|>"')),
        "template": model.template,
        "system": "Be brief.",
        "details": _details(model),
        "model_info": {
            "general.architecture": model.family,
            "general.parameter_count": 3_212_749_888,
            f"{model.family}.context_length": model.context_length,
            f"{model.family}.embedding_length": 3072,
            "tokenizer.ggml.tokens": None,
        },
        "capabilities": list(model.capabilities),
        "modified_at": "2026-10-04T09:12:30.5+02:00",
    }


# -- LM Studio and OpenAI -----------------------------------------------------------------------


def _lmstudio(fake: Fake, asked: Asked) -> tuple[Step, ...] | None:
    match asked.method, asked.path:
        case "GET", "/api/v1/models":
            return (Status(body={"models": [_lmstudio_v1(model) for model in fake.models]}),)
        case "GET", "/api/v0/models":
            return (Status(body={"object": "list", "data": [_lmstudio_v0(model) for model in fake.models]}),)
        case "POST", "/api/v1/models/load":
            return _lmstudio_load(fake, asked)
        case "POST", "/api/v1/models/unload":
            return _lmstudio_unload(fake, asked)
        case "POST", "/api/v1/models/download":
            return _lmstudio_download(fake, str(asked.fields.get("model")))
        case "GET", path if path.startswith(JOBS):
            return _lmstudio_job(fake, path.removeprefix(JOBS))
    return _openai(fake, asked)


def _lmstudio_load(fake: Fake, asked: Asked) -> tuple[Step, ...]:
    """A second load makes a second copy."""
    model = fake.model(asked.fields.get("model"))
    if model is None:
        error = {"message": "Model not found.", "type": "invalid_request", "code": "model_not_found", "param": "model"}
        return (Status(404, body={"error": error}),)
    copies = _copies(model)
    copy = f"{model.name}:{len(copies) + 1}" if copies else model.name
    fake.change(model, is_loaded=True, instances=(*copies, copy))
    loaded = {"type": "llm", "instance_id": copy, "load_time_seconds": 9.1, "status": "loaded"}
    return (Status(body=loaded),)


def _lmstudio_unload(fake: Fake, asked: Asked) -> tuple[Step, ...]:
    copy = asked.fields.get("instance_id")
    for model in fake.models:
        if copy in _copies(model):
            rest = tuple(other for other in _copies(model) if other != copy)
            fake.change(model, is_loaded=bool(rest), instances=rest)
            return (Status(body={"instance_id": copy}),)
    return (Status(404, body={"error": {"message": "No such instance.", "type": "not_found", "code": None}}),)


def _lmstudio_download(fake: Fake, name: str) -> tuple[Step, ...]:
    """A job that is half done when it is asked about, and done when it is asked about again."""
    if fake.model(name):
        return (Status(body={"status": "already_downloaded"}),)
    if name not in fake.library:
        error = {"message": f"Model not found: {name}", "type": "invalid_request", "code": "model_not_found"}
        return (Status(404, body={"error": error}),)
    job: dict[str, JSON] = {"job_id": f"job_{len(fake.jobs):08x}", "total_size_bytes": 2000, "model": name}
    states = (("downloading", 0), ("downloading", 1000), ("completed", 2000))
    begun, *rest = ({**job, "status": status, "downloaded_bytes": size} for status, size in states)
    fake.jobs[job["job_id"]] = rest
    return (Status(body=begun),)


def _lmstudio_job(fake: Fake, job: str) -> tuple[Step, ...]:
    if job not in fake.jobs:
        return (Status(404, body={"error": {"message": "No such job.", "type": "not_found", "code": None}}),)
    state = fake.jobs[job].pop(0) if len(fake.jobs[job]) > 1 else fake.jobs[job][0]
    if state["status"] == "completed":
        fake.add(state["model"])
    return (Status(body=state),)


def _copies(model: FakeModel) -> tuple[str, ...]:
    return model.instances or ((model.name,) if model.is_loaded else ())


def _openai(fake: Fake, asked: Asked) -> tuple[Step, ...] | None:
    match asked.method, asked.path:
        case "GET", "/v1/models":
            return (Status(body={"object": "list", "data": [_listed(fake.kind, model) for model in fake.models]}),)
        case "POST", ("/v1/chat/completions" | "/v1/completions" | "/v1/embeddings"):
            return _openai_post(fake, asked)
    return None


def _openai_post(fake: Fake, asked: Asked) -> tuple[Step, ...]:
    name = asked.fields.get("model")
    model = fake.model(name)
    if model is None:
        error = {"message": f"The model `{name}` does not exist.", "type": "NotFoundError", "param": "model"}
        return (Status(404, body={"error": {**error, "code": 404}}),)
    if asked.path == "/v1/embeddings":
        inputs = asked.fields.get("input")
        texts = [inputs] if isinstance(inputs, str) else list(inputs or [])
        data = [{"object": "embedding", "index": i, "embedding": vector(text)} for i, text in enumerate(texts)]
        usage = {"prompt_tokens": len(texts), "total_tokens": len(texts)}
        return (Status(body={"object": "list", "data": data, "model": name, "usage": usage}),)
    is_chat = asked.path == "/v1/chat/completions"
    if not asked.fields.get("stream"):
        return (Status(body=_openai_whole(is_chat, model.name, fake.tokens)),)
    options = asked.fields.get("stream_options")
    with_usage = isinstance(options, dict) and options.get("include_usage") is True
    events = _openai_events(is_chat, model.name, fake.tokens, with_usage)
    return (Head(200, {"content-type": SSE}), Chunks(events, fake.token_pause_s), End())


def _usage(tokens: Sequence[str]) -> dict[str, int]:
    return {"prompt_tokens": 26, "completion_tokens": len(tokens), "total_tokens": 26 + len(tokens)}


def _openai_whole(is_chat: bool, model: str, tokens: Sequence[str]) -> dict[str, JSON]:
    text = "".join(tokens)
    said: dict[str, JSON] = {"message": {"role": "assistant", "content": text}} if is_chat else {"text": text}
    choice = {"index": 0, **said, "finish_reason": "stop", "logprobs": None}
    shape = "chat.completion" if is_chat else "text_completion"
    whole = {"id": "chatcmpl-fake1", "object": shape, "created": CREATED, "model": model}
    return {**whole, "choices": [choice], "usage": _usage(tokens)}


def _openai_events(is_chat: bool, model: str, tokens: Sequence[str], with_usage: bool) -> list[bytes]:
    shape = "chat.completion.chunk" if is_chat else "text_completion"
    frame = {"id": "chatcmpl-fake1", "object": shape, "created": CREATED, "model": model}

    def event(choices: list[JSON], **rest: JSON) -> bytes:
        return b"data: " + json.dumps({**frame, "choices": choices, **rest}, ensure_ascii=False).encode() + b"\n\n"

    def said(content: Mapping[str, JSON], reason: str | None = None) -> bytes:
        body = {"delta": content} if is_chat else {"text": content.get("content", "")}
        return event([{"index": 0, **body, "finish_reason": reason}])

    events = [said({"role": "assistant", "content": ""})] if is_chat else []
    events += [said({"content": token}) for token in tokens]
    events.append(said({}, "stop"))
    if with_usage:
        events.append(event([], usage=_usage(tokens)))
    return [*events, b"data: [DONE]\n\n"]


def _listed(kind: str, model: FakeModel) -> dict[str, JSON]:
    owner = "organization_owner" if kind == "lmstudio" else "fake"
    return {"id": model.name, "object": "model", "created": CREATED, "owned_by": owner}


def _lmstudio_v1(model: FakeModel) -> dict[str, JSON]:
    instances = _copies(model)
    entry: dict[str, JSON] = {
        "type": "embedding" if "embedding" in model.capabilities else "llm",
        "publisher": "fake",
        "key": model.name,
        "display_name": model.name.title(),
        "architecture": model.family,
        "quantization": {"name": model.quantization, "bits_per_weight": 4},
        "size_bytes": model.size,
        "params_string": model.parameters,
        "loaded_instances": [{"id": name, "config": {"context_length": 4096, "parallel": 4}} for name in instances],
        "max_context_length": model.context_length,
        "format": "gguf",
    }
    if entry["type"] == "llm":
        able = {"vision": "vision" in model.capabilities, "trained_for_tool_use": "tools" in model.capabilities}
        entry["capabilities"] = able
    if model.variants:
        entry |= {"variants": list(model.variants), "selected_variant": model.variants[0]}
    return entry


def _lmstudio_v0(model: FakeModel) -> dict[str, JSON]:
    kind = "embeddings" if "embedding" in model.capabilities else "vlm" if "vision" in model.capabilities else "llm"
    entry: dict[str, JSON] = {
        "id": model.name,
        "object": "model",
        "type": kind,
        "publisher": "fake",
        "arch": model.family,
        "compatibility_type": "gguf",
        "quantization": model.quantization,
        "state": "loaded" if model.is_loaded else "not-loaded",
        "max_context_length": model.context_length,
        "capabilities": ["tool_use"] if "tools" in model.capabilities else [],
    }
    return entry | ({"loaded_context_length": 4096} if model.is_loaded else {})


def vector(text: str) -> list[float]:
    """Eight numbers that depend on the text alone; floats that survive JSON as they are."""
    return [byte / 256 - 0.5 for byte in hashlib.sha256(text.encode()).digest()[:WIDTH]]


def _unknown(kind: str, asked: Asked) -> tuple[Step, ...]:
    if kind == "lmstudio":
        return (Status(200, body={"error": f"Unexpected endpoint or method. ({asked.method} {asked.path})"}),)
    if kind == "ollama":
        return (Status(404, body=b"404 page not found"),)
    error = {"message": "Not Found", "type": "NotFoundError", "param": None, "code": 404}
    return (Status(404, body={"error": error}),)


_ROUTES = {"ollama": _ollama, "lmstudio": _lmstudio, "openai": _openai}
