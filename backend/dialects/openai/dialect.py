"""OpenAI's dialect as the routes know it."""

from __future__ import annotations

from backend.dialects.chat import Answer, ChatRequest, CompletionRequest
from backend.dialects.dialect import Dialect, Envelope, Generation
from backend.dialects.objects import encode_error
from backend.dialects.openai.reply import encode_chat, encode_completion
from backend.dialects.openai.request import parse_chat, parse_completion
from backend.dialects.openai.stream import ChatStream, CompletionStream

OPENAI = Dialect("openai", encode_error)


def _chat_stream(request: ChatRequest, around: Envelope) -> ChatStream:
    return ChatStream(around.model, request.include_usage, f"chatcmpl-{around.token}", _seconds(around))


def _chat_reply(request: ChatRequest, answer: Answer, around: Envelope) -> bytes:
    return encode_chat(answer, around.model, f"chatcmpl-{around.token}", _seconds(around))


def _completion_stream(request: CompletionRequest, around: Envelope) -> CompletionStream:
    return CompletionStream(around.model, request.include_usage, f"cmpl-{around.token}", _seconds(around))


def _completion_reply(request: CompletionRequest, answer: Answer, around: Envelope) -> bytes:
    return encode_completion(answer, around.model, f"cmpl-{around.token}", _seconds(around))


def _seconds(around: Envelope) -> int:
    return int(around.now().timestamp())


CHAT = Generation(parse_chat, _chat_stream, _chat_reply, has_heartbeat=True)
COMPLETION = Generation(parse_completion, _completion_stream, _completion_reply, has_heartbeat=True)
