"""What an OpenAI-compatible server's refusals and failures mean: llama.cpp, vLLM, LM Studio, OpenAI itself."""

from __future__ import annotations

import re
from collections.abc import Callable

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
from backend.identity import Identity

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


OPENAI_COMPATIBLE = Identity(
    "openai",
    "openai",
    "the OpenAI-compatible server",
    "Check OPENAI_URL (with its /v1)",
    "Check OPENAI_API_KEY",
    "The OpenAI-compatible server lists no models: name one in the request, or set DEFAULT_MODEL in .env.",
)
Judge = Callable[[Complaint, Identity], GatewayError | None]
"""What one server's own words mean, beside what all of them say; None: nothing in particular."""


def decode_error(
    status: int, body: bytes, server: Identity = OPENAI_COMPATIBLE, words: Judge | None = None
) -> GatewayError:
    """What an answer with this status and body means. `server` decides how the sentence calls the server and which
    settings it names."""
    return judge(status, read_complaint(body), server, words)


def judge(status: int | None, complaint: Complaint, server: Identity, words: Judge | None = None) -> GatewayError:
    """As `decode_error`. `status` is None where the failure came in a stream or under a 200: then the body decides."""
    if words is not None and (error := words(complaint, server)):
        return error
    status = _status(status, complaint)
    for look in (_by_words, _by_status):
        if error := look(status, complaint, server):
            return error
    return BackendFailed(after(f"{server.subject} failed", complaint.sentence))


def _status(status: int | None, complaint: Complaint) -> int:
    """Relaying servers wrap a 400 in a 500; a stream's error has no status but maybe a number or a word."""
    if complaint.status is not None and status in (None, 200, 500):
        return complaint.status
    if status is not None and status != 200:
        return status
    return 400 if _AT_FAULT.search(f"{complaint.type} {complaint.code}") else 500


def _by_words(status: int, complaint: Complaint, who: Identity) -> GatewayError | None:
    """What every status may hide."""
    if complaint.says(_WRONG_PATH):
        message = f"{who.subject} does not know the address it was asked at. {who.address_advice}."
        return BackendFailed(message, should_retry=False)
    if complaint.is_context_overflow:
        return context_exceeded(complaint)
    if complaint.is_out_of_memory:
        return out_of_memory(who.subject)
    if complaint.says(_NO_IMAGES):
        return Unsupported(
            "This model cannot look at images: choose a vision model (llama.cpp needs its mmproj).", "images"
        )
    if complaint.says(_NO_EMBEDDINGS) or status == 501:
        return Unsupported(after(f"{who.subject} cannot do this with this model", complaint.sentence))
    if complaint.says(_NO_TOOLS):
        return Unsupported(after(f"{who.subject} cannot use tools with this model", complaint.sentence), "tools")
    if complaint.says(_LOADING):
        return BackendUnavailable(f"{who.subject} is loading the model. Try again in a moment.", "model_loading", 5)
    if complaint.code == "model_not_found" or (status in (400, 404, 500) and complaint.says(_NO_MODEL)):
        return ModelNotFound(after(f"{who.subject} cannot serve this model", complaint.sentence))
    return None


def _by_status(status: int, complaint: Complaint, who: Identity) -> GatewayError | None:
    if status in (401, 403) or (complaint.code == "invalid_api_key"):
        message = f"{who.subject} refused the gateway's key. {who.key_advice}."
        return BackendFailed(message, "backend_auth", should_retry=False)
    if status in (429, 503):
        return BackendUnavailable(after(f"{who.subject} is busy", complaint.sentence), "backend_busy")
    if status == 404 or status == 405 or 300 <= status < 400:
        message = f"{who.subject} has nothing at the address it was asked at (status {status}). {who.address_advice}."
        return BackendFailed(message, should_retry=False)
    if 400 <= status < 500:
        return BadRequest(after(f"{who.subject} refused the request", complaint.sentence), complaint.param)
    return None
