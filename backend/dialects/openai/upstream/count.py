"""What is asked of OpenAI-compatible servers that can count a prompt's tokens, and what they answer.

llama.cpp counts what it would read of the same request; vLLM at an address outside of its /v1, given some of its
fields.
"""

from __future__ import annotations

import orjson

from backend.dialects.chat import ChatRequest, Event, PromptRead
from backend.dialects.openai.upstream.call import RequestQuirks, encode_chat
from backend.errors import BackendFailed, CannotCount, GatewayError
from backend.identity import Identity

COUNTED_AT = "/chat/completions/input_tokens"
_TOKENIZED = ("model", "messages", "tools", "chat_template_kwargs")


def encode_tokenize(request: ChatRequest, quirks: RequestQuirks) -> bytes:
    """The body of vLLM's POST /tokenize."""
    body = orjson.loads(encode_chat(request, quirks))
    return orjson.dumps({name: body[name] for name in _TOKENIZED if name in body})


def decode_count(body: bytes, server: Identity) -> list[Event]:
    """`input_tokens` of llama.cpp, `count` of vLLM. Raises BackendFailed."""
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        answer = None
    answer = answer if isinstance(answer, dict) else {}
    tokens = answer.get("input_tokens", answer.get("count"))
    if type(tokens) is not int or not 0 <= tokens < 2**53:
        raise BackendFailed(f"{server.subject} answered with something that is no count.")
    return [PromptRead(tokens)]


def count_refused(status: int, otherwise: GatewayError) -> GatewayError:
    """Older servers have nothing at these addresses."""
    return CannotCount() if status in (404, 405, 501) else otherwise
