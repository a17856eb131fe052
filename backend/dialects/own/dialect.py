"""The gateway's own dialect as the routes know it."""

from __future__ import annotations

from backend.dialects.chat import Answer, ChatRequest
from backend.dialects.dialect import Dialect, Envelope, Generation
from backend.dialects.objects import encode_error
from backend.dialects.own.chat import CourseStream, encode_course, parse_course

OWN = Dialect("own", encode_error)


def _stream(request: ChatRequest, around: Envelope) -> CourseStream:
    return CourseStream(request, around.model, around.now, around.elapsed_ms)


def _reply(request: ChatRequest, answer: Answer, around: Envelope) -> bytes:
    return encode_course(request, answer, around.model, around.now, around.elapsed_ms)


COURSE = Generation(parse_course, _stream, _reply, has_heartbeat=False)
