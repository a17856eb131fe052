"""Reads what a backend says went wrong. Every server has its own shape for it; each dialect judges what it means."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import orjson

from backend.errors import BackendFailed, ContextLengthExceeded

JSON = Any
LONGEST_SENTENCE = 300

_MEMORY = re.compile(
    r"out of (device )?memory|not enough memory|insufficient memory|requires more system memory|failed to allocate"
    r"|unable to allocate|allocation failed|(cuda|hip)malloc failed|erroroutofmemory",
    re.IGNORECASE,
)
_CONTEXT_WORDS = frozenset(("exceed_context_size_error", "context_length_exceeded", "context_overflow"))
_CONTEXT = re.compile(
    r"exceeds? the (available )?context|exceeds? (the )?(maximum )?context (length|window|size)"
    r"|(larger|longer|greater) than the (max(imum)? )?(context|model length)|max(imum)? (model|context) length"
    r"|context (length|size|window) (has been )?exceeded|context the overflows|prompt is too long"
    r"|trying to keep the first \d+ tokens|too large to process\W+increase the physical batch size",
    re.IGNORECASE,
)
_PROMPT_TOKENS = (
    re.compile(r"\((\d{1,9}) in the (?:messages|prompt)"),
    re.compile(
        r"(?:request|input|prompt|keep the first)\D{0,30}?(\d{1,9})\)? (?:input |prompt )?tokens", re.IGNORECASE
    ),
    re.compile(r"prompt \(length (\d{1,9})", re.IGNORECASE),
    re.compile(r"requested (?:about )?(\d{1,9}) tokens", re.IGNORECASE),
)
_CONTEXT_TOKENS = (
    re.compile(r"context (?:length|size|window)\D{0,30}?(\d{1,9})", re.IGNORECASE),
    re.compile(r"model length\D{0,30}?(\d{1,9})", re.IGNORECASE),
)
_WRAPPED = re.compile(r"returned (\d{3}): *(?=\{)")
# FastAPI's validation errors quote what was sent.
_QUOTED_INPUT = re.compile(r"[,;{]?\s?['\"]input['\"]\s?:.*")


@dataclass(frozen=True, slots=True)
class Complaint:
    """`sentence` is the server's own, one line that may be shown, or "". `status` is a number in the body, if any."""

    sentence: str = ""
    type: str = ""
    code: str = ""
    param: str | None = None
    status: int | None = None
    prompt_tokens: int | None = None
    context_tokens: int | None = None
    is_json: bool = False

    def says(self, pattern: re.Pattern[str]) -> bool:
        return pattern.search(self.sentence) is not None

    @property
    def is_context_overflow(self) -> bool:
        return self.type in _CONTEXT_WORDS or self.code in _CONTEXT_WORDS or self.says(_CONTEXT)

    @property
    def is_out_of_memory(self) -> bool:
        return self.says(_MEMORY)


def read_complaint(body: bytes) -> Complaint:
    """Of a whole body: JSON in any of the known shapes, plain text, or a page of HTML (which says nothing)."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        text = body[:4096].decode("utf-8", "replace")
        return Complaint("" if "<" in text[:64] else sentence(text))
    return complaint_of(value)


def complaint_of(value: JSON) -> Complaint:
    """Of parsed JSON: `{"error": "text"}`, `{"error": {"message", "type", …}}`, vLLM's flat `{"object": "error",
    "message", …}`, FastAPI's `{"detail": …}`; and of JSON within the text of any of these, as relaying servers do."""
    for _ in range(4):  # a server in a server in a server
        if not isinstance(value, dict):
            return Complaint(sentence(value) if isinstance(value, str) else "", is_json=True)
        found = value.get("error") or value
        found = {"message": found} if isinstance(found, str) else found
        if not isinstance(found, dict):
            return Complaint(is_json=True)
        text = _text(found)
        inner = _wrapped(text)
        if inner is None:
            return _read(found, text)
        value = inner
    return Complaint(is_json=True)


def context_exceeded(complaint: Complaint) -> ContextLengthExceeded:
    """In the words that clients look for: "maximum context length is N tokens" is OpenAI's, and at Anthropic's "prompt
    is too long: N tokens > M maximum" Claude Code shortens the conversation by itself."""
    prompt = complaint.prompt_tokens or _number(complaint.sentence, _PROMPT_TOKENS)
    context = complaint.context_tokens or _number(complaint.sentence, _CONTEXT_TOKENS)
    advice = "Shorten the conversation, or load the model with a larger context."
    most = f"maximum context length is {context} tokens"
    if prompt and context and prompt > context:
        message = f"The prompt is too long: {prompt} tokens > {context} maximum. The model's {most}. {advice}"
    elif prompt and context:
        message = (
            f"The model's {most}, and the prompt has {prompt}: with the answer asked for, that is too much. "
            "Ask for fewer `max_tokens`, or load the model with a larger context."
        )
    elif context:
        message = f"The prompt is too long: the model's {most}. {advice}"
    else:
        message = f"The prompt is too long for the model's context. {advice}"
    return ContextLengthExceeded(message)


def out_of_memory(server: str) -> BackendFailed:
    return BackendFailed(
        f"{server} ran out of memory. Choose a smaller model or a smaller context, or unload another model.",
        "out_of_memory",
        should_retry=False,
    )


def sentence(text: str) -> str:
    """The first line, printable, at most 300 characters, without what it quotes of the request."""
    line = next((line for line in text.splitlines() if line.strip()), "")
    line = _QUOTED_INPUT.sub("", line[:2048])
    line = "".join(character if character.isprintable() else " " for character in line).strip()
    return line if len(line) <= LONGEST_SENTENCE else line[: LONGEST_SENTENCE - 1].rstrip() + "…"


def after(colon: str, text: str) -> str:
    """`colon` with a server's sentence behind it, or without: "X failed: disk full." or "X failed."."""
    return f"{colon}: {text.rstrip('. ')}." if text else f"{colon}."


def _read(found: dict[str, JSON], text: str) -> Complaint:
    code = found.get("code")
    param = found.get("param")
    return Complaint(
        sentence(text),
        _word(found.get("type")),
        _word(code),
        _word(param) or None,
        code if isinstance(code, int) and 400 <= code <= 599 else None,
        _count(found.get("n_prompt_tokens")),
        _count(found.get("n_ctx")),
        is_json=True,
    )


def _text(found: dict[str, JSON]) -> str:
    detail = found.get("detail")
    first = detail[0].get("msg") if isinstance(detail, list) and detail and isinstance(detail[0], dict) else None
    texts = (found.get("message"), detail, first, found.get("error"))
    return next((text for text in texts if isinstance(text, str)), "")


def _wrapped(text: str) -> JSON:
    """JSON that a server quotes of the one behind it, whole (`{…}`) or after `… returned 400: `; else None."""
    wrapped = _WRAPPED.search(text)
    inner = text[wrapped.end() :] if wrapped else text
    if not inner.lstrip().startswith("{"):
        return None
    try:
        value = orjson.loads(inner)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(value, dict) or not ({"error", "message", "detail"} & value.keys()):
        return None
    if wrapped and isinstance(error := value.get("error"), dict):
        return {"error": {"code": int(wrapped[1]), **{key: item for key, item in error.items() if item is not None}}}
    return value


def _number(text: str, patterns: tuple[re.Pattern[str], ...]) -> int | None:
    for pattern in patterns:
        if found := pattern.search(text):
            return int(found[1])
    return None


def _word(value: JSON) -> str:
    return sentence(value)[:64] if isinstance(value, str) else ""


def _count(value: JSON) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None
