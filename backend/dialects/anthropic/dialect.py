"""Anthropic's dialect as the routes know it."""

from __future__ import annotations

from backend.dialects.anthropic.error import encode_error, status_of
from backend.dialects.anthropic.reply import encode_message
from backend.dialects.anthropic.request import parse_messages
from backend.dialects.anthropic.stream import MessageStream
from backend.dialects.chat import Answer, ChatRequest
from backend.dialects.dialect import Dialect, Envelope, Generation

ANTHROPIC = Dialect("anthropic", encode_error, status=status_of, request_id_header="request-id")
SIGN = "anthropic-version"
"""A header that all of its clients send, and nobody else."""


def _stream(request: ChatRequest, around: Envelope) -> MessageStream:
    return MessageStream(request, around.model, f"msg_{around.token}", around.request_id)


def _reply(request: ChatRequest, answer: Answer, around: Envelope) -> bytes:
    return encode_message(request, answer, around.model, f"msg_{around.token}")


MESSAGES = Generation(parse_messages, _stream, _reply, has_heartbeat=True, extras_header="anthropic-beta")
