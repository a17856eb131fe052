"""What Ollama's refusals and failures mean, whether they come with a status or as the last line of a stream."""

from __future__ import annotations

import re

from backend.dialects.server_error import Complaint, after, context_exceeded, out_of_memory, read_complaint
from backend.errors import BackendFailed, BackendUnavailable, BadRequest, GatewayError, ModelNotFound, Unsupported

_NO_MODEL = re.compile(r"model ['\"]?([^'\" ]{1,300})['\"]? not found", re.IGNORECASE)
_NOTHING_TO_PULL = re.compile(r"pull model manifest: (file does not exist|40[14]\b)", re.IGNORECASE)
_CANNOT = re.compile(r"does not support (\w+)", re.IGNORECASE)
_NO_IMAGES = re.compile(
    r"image input is not supported|missing data required for image input|mmproj|does not support multimodal",
    re.IGNORECASE,
)
_NO_EMBEDDINGS = re.compile(r"does not support embeddings|--embeddings", re.IGNORECASE)
_WRONG_OPTION = re.compile(r'option "(\w{1,64})" must be of (type )?(an )?(.{1,40})', re.IGNORECASE)
_WRONG_FORMAT = re.compile(r"^invalid format|json schema conversion failed|'json_schema'", re.IGNORECASE)
_WRONG_TOOLS = re.compile(r"cannot unmarshal .{1,100}\.tools\.", re.IGNORECASE)
_PARAMS = {"tools": "tools", "thinking": "think", "vision": "images", "insert": "suffix", "audio": "messages"}


def decode_error(status: int, body: bytes) -> GatewayError:
    """What an answer with this status and body means."""
    complaint = read_complaint(body)
    if not complaint.is_json and status in (404, 405):
        return BackendFailed(
            f"The server at OLLAMA_URL does not know Ollama's API (status {status}). Is it a recent Ollama?",
            should_retry=False,
        )
    return judge(status, complaint)


def judge(status: int | None, complaint: Complaint) -> GatewayError:
    """As `decode_error`. `status` is None for an error in a stream, which tells none."""
    if complaint.status is not None and status in (None, 500):
        status = complaint.status  # its runner's, relayed
    return _by_words(complaint) or _by_status(status, complaint)


def _by_words(complaint: Complaint) -> GatewayError | None:
    if complaint.is_context_overflow:
        return context_exceeded(complaint)
    if complaint.is_out_of_memory:
        return out_of_memory("Ollama")
    if complaint.says(_NO_IMAGES):
        return Unsupported("This model cannot look at images: choose a vision model.", "images")
    if complaint.says(_NO_EMBEDDINGS):
        return Unsupported(
            "This model writes text and makes no embeddings. Ask an embedding model: ollama pull nomic-embed-text",
            "model",
        )
    if found := _CANNOT.search(complaint.sentence):
        message = after("Ollama cannot do this with this model", complaint.sentence)
        return Unsupported(message, _PARAMS.get(found[1].lower(), "model"))
    if error := _wrong_value(complaint):
        return error
    if complaint.says(_NOTHING_TO_PULL):
        return ModelNotFound(
            "There is no such model to pull. Names are at ollama.com/library; hf.co/USER/REPOSITORY is one, too."
        )
    if found := _NO_MODEL.search(complaint.sentence):
        return ModelNotFound(f"Ollama does not have the model {found[1]}. Get it with: ollama pull {found[1]}")
    return None


def _wrong_value(complaint: Complaint) -> GatewayError | None:
    """Ollama answers some of the caller's own slips with a 500, which SDKs would try again."""
    if found := _WRONG_OPTION.search(complaint.sentence):
        return BadRequest(f"`options.{found[1]}` must be of the type {found[4]}.", f"options.{found[1]}")
    if complaint.says(_WRONG_FORMAT):
        return BadRequest(after("Ollama cannot answer in this format", complaint.sentence), "response_format")
    if complaint.says(_WRONG_TOOLS):
        return BadRequest(after("Ollama cannot read these tools", complaint.sentence), "tools")
    return None


def _by_status(status: int | None, complaint: Complaint) -> GatewayError:
    said = complaint.sentence
    match status:
        case 401:
            message = "Ollama wants you to sign in before it runs this cloud model: ollama signin"
            return BackendFailed(message, "backend_auth", should_retry=False)
        case 403 if not said:
            message = "Ollama refused the gateway by its Host. Set OLLAMA_URL to the address in Ollama's OLLAMA_HOST."
            return BackendFailed(message, "backend_auth", should_retry=False)
        case 403:
            return BackendFailed(after("Ollama does not allow this", said), "backend_auth", should_retry=False)
        case 404:
            return ModelNotFound(after("Ollama does not have this model", said) + " Get it with: ollama pull NAME")
        case 429 | 503:
            return BackendUnavailable(after("Ollama is busy", said), "backend_busy")
        case 400 | 413 | 422:
            return BadRequest(after("Ollama refused the request", said))
    return BackendFailed(after("Ollama failed", said))
