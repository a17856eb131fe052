"""What an OpenAI-compatible server's refusals and failures mean: llama.cpp, vLLM, LM Studio, OpenAI itself."""

from __future__ import annotations

import re
from dataclasses import dataclass

from backend.dialects.server_error import (
    Complaint,
    after,
    context_exceeded,
    out_of_memory,
    read_complaint,
)
from backend.errors import (
    BackendFailed,
    BackendUnavailable,
    BadRequest,
    GatewayError,
    ModelNotFound,
    Unsupported,
)

_NO_MODEL = re.compile(
    r"model\b.{0,200}\b(does not exist|not found|is unknown)|no such model|unknown model|no models? (is |are )?loaded"
    r"|failed to load model|model_not_found|invalid model identifier",
    re.IGNORECASE,
)
_LOADING = re.compile(r"^loading model|model is (still )?(loading|unloaded)|model (was )?unloaded", re.IGNORECASE)
_NO_IMAGES = re.compile(
    r"image input is not supported|mmproj|does not support (image|vision|multi-?modal)|not a multimodal model"
    r"|model does not support images|at most 0 image",
    re.IGNORECASE,
)
_NO_EMBEDDINGS = re.compile(r"does not support embeddings|not support embeddings? api|embeddings? (is|are) not", re.I)
_NO_TOOLS = re.compile(r"does not support tools|enable-auto-tool-choice|requires --jinja", re.IGNORECASE)
_WRONG_PATH = re.compile(r"unexpected endpoint or method", re.IGNORECASE)
_AT_FAULT = re.compile(r"invalid|badrequest|bad_request|value_error|validation", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Server:
    """How sentences speak of a server, and what a person would change for a wrong address or key."""

    title: str
    address: str
    key: str


_SERVERS = {
    "lmstudio": _Server("LM Studio", "Check LMSTUDIO_URL", "Check LMSTUDIO_API_KEY"),
    "openai": _Server("The OpenAI-compatible server", "Check OPENAI_URL (with its /v1)", "Check OPENAI_API_KEY"),
    "embedded": _Server("The embedded engine", "Restart the gateway", "Restart the gateway"),
}


def title_of(server: str) -> str:
    return _server(server).title


def decode_error(status: int, body: bytes, server: str = "openai") -> GatewayError:
    """What an answer with this status and body means. `server` is a backend's name: it decides how the sentence
    calls the server and which settings it names."""
    return judge(status, read_complaint(body), server)


def judge(status: int | None, complaint: Complaint, server: str) -> GatewayError:
    """As `decode_error`. `status` is None where the failure came in a stream or under a 200: then the body decides."""
    who = _server(server)
    status = _status(status, complaint)
    for look in (_by_words, _by_status):
        if error := look(status, complaint, who):
            return error
    return BackendFailed(after(f"{who.title} failed", complaint.sentence))


def _server(server: str) -> _Server:
    known = _SERVERS.get(server.lower().replace(" ", ""))
    return known or _Server(server, "Check its address", "Check its key")


def _status(status: int | None, complaint: Complaint) -> int:
    """Relaying servers wrap a 400 in a 500; a stream's error has no status but maybe a number or a word."""
    if complaint.status is not None and status in (None, 200, 500):
        return complaint.status
    if status is not None and status != 200:
        return status
    return 400 if _AT_FAULT.search(f"{complaint.type} {complaint.code}") else 500


def _by_words(status: int, complaint: Complaint, who: _Server) -> GatewayError | None:
    """What every status may hide."""
    if complaint.says(_WRONG_PATH):
        message = f"{who.title} does not know the address it was asked at. {who.address}."
        return BackendFailed(message, should_retry=False)
    if complaint.is_context_overflow:
        return context_exceeded(complaint)
    if complaint.is_out_of_memory:
        return out_of_memory(who.title)
    if complaint.says(_NO_IMAGES):
        return Unsupported(
            "This model cannot look at images: choose a vision model (llama.cpp needs its mmproj).", "images"
        )
    if complaint.says(_NO_EMBEDDINGS) or status == 501:
        return Unsupported(after(f"{who.title} cannot do this with this model", complaint.sentence))
    if complaint.says(_NO_TOOLS):
        return Unsupported(after(f"{who.title} cannot use tools with this model", complaint.sentence), "tools")
    if complaint.says(_LOADING):
        return BackendUnavailable(f"{who.title} is loading the model. Try again in a moment.", "model_loading", 5)
    if complaint.code == "model_not_found" or (status in (400, 404, 500) and complaint.says(_NO_MODEL)):
        return ModelNotFound(after(f"{who.title} cannot serve this model", complaint.sentence))
    return None


def _by_status(status: int, complaint: Complaint, who: _Server) -> GatewayError | None:
    if status in (401, 403) or (complaint.code == "invalid_api_key"):
        message = f"{who.title} refused the gateway's key. {who.key}."
        return BackendFailed(message, "backend_auth", should_retry=False)
    if status in (429, 503):
        return BackendUnavailable(after(f"{who.title} is busy", complaint.sentence), "backend_busy")
    if status == 404 or status == 405 or 300 <= status < 400:
        message = f"{who.title} has nothing at the address it was asked at (status {status}). {who.address}."
        return BackendFailed(message, should_retry=False)
    if 400 <= status < 500:
        return BadRequest(after(f"{who.title} refused the request", complaint.sentence), complaint.param)
    return None
