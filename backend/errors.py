"""Every failure the gateway can tell a caller about. Dialects render these; nothing here knows how.

A message is one sentence that helps the person who reads it. It never holds a key, a prompt, an
answer or a raw body of a backend.
"""

from __future__ import annotations

import copy
import traceback
from dataclasses import dataclass
from typing import Self


@dataclass(eq=False)
class GatewayError(Exception):
    """A failure with the status and the words a caller gets.

    `code` is the machine's word for the failure (a closed set: stats count by it); `should_retry`
    becomes `x-should-retry`, which openai's SDKs obey before their own judgement. `is_unreached`: nothing was asked
    yet, so another attempt costs nobody anything.
    """

    message: str
    status: int = 500
    type: str = "server_error"
    code: str = "internal_error"
    param: str | None = None
    retry_after_s: int | None = None
    should_retry: bool | None = None
    is_unreached: bool = False

    def __post_init__(self) -> None:
        super().__init__(self.message)

    def anew(self) -> Self:
        """The same failure, to be raised once more. An error object that is raised twice keeps the frames of both times
        alive, and with them the bodies of requests."""
        return copy.copy(self)


class BadRequest(GatewayError):
    """The request cannot be understood or asks for something that does not exist here: 400."""

    def __init__(self, message: str, param: str | None = None, code: str = "invalid_request") -> None:
        super().__init__(message, 400, "invalid_request_error", code, param)


class ContextLengthExceeded(GatewayError):
    """The prompt does not fit the model's context: 400 with OpenAI's own code. `message` speaks of a conversation."""

    def __init__(self, message: str, param: str = "messages") -> None:
        super().__init__(message, 400, "invalid_request_error", "context_length_exceeded", param)

    def about(self, param: str, advice: str) -> ContextLengthExceeded:
        """The same of what is no conversation."""
        return ContextLengthExceeded(self.message.replace("Shorten the conversation", advice), param)


class Unauthorized(GatewayError):
    """No key, or one that we do not know: 401."""

    def __init__(self, message: str) -> None:
        super().__init__(message, 401, "invalid_request_error", "invalid_api_key", should_retry=False)


class Forbidden(GatewayError):
    """A foreign Host or Origin, or what `.env` does not allow: 403."""

    def __init__(self, message: str, code: str = "forbidden") -> None:
        super().__init__(message, 403, "permission_error", code, should_retry=False)


class NotFound(GatewayError):
    """No such address: 404."""

    def __init__(self, message: str) -> None:
        super().__init__(message, 404, "invalid_request_error", "not_found", should_retry=False)


class ModelNotFound(GatewayError):
    """The backend has no such model: 404 with OpenAI's own code."""

    def __init__(self, message: str) -> None:
        super().__init__(message, 404, "invalid_request_error", "model_not_found", "model", should_retry=False)


class Conflict(GatewayError):
    """What is asked would take something away that was not named: 409."""

    def __init__(self, message: str, code: str = "shared_model") -> None:
        super().__init__(message, 409, "invalid_request_error", code, should_retry=False)


class MethodNotAllowed(GatewayError):
    """The address exists, the method does not: 405."""

    def __init__(self, message: str) -> None:
        super().__init__(message, 405, "invalid_request_error", "method_not_allowed", should_retry=False)


class BodyTooLarge(GatewayError):
    """The body is over MAX_BODY_MB: 413."""

    def __init__(self, message: str) -> None:
        super().__init__(message, 413, "invalid_request_error", "body_too_large", should_retry=False)


class BodyLate(GatewayError):
    """The body took too long to arrive: 408."""

    def __init__(self, message: str) -> None:
        super().__init__(message, 408, "invalid_request_error", "body_timeout")


class UnsupportedMediaType(GatewayError):
    """The body is not JSON, or is compressed: 415."""

    def __init__(self, message: str) -> None:
        super().__init__(message, 415, "invalid_request_error", "unsupported_media_type", should_retry=False)


class Unsupported(GatewayError):
    """The backend or the model cannot do what is asked (tools, images, n > 1, …): 400."""

    def __init__(self, message: str, param: str | None = None) -> None:
        super().__init__(message, 400, "invalid_request_error", "unsupported", param, should_retry=False)


class CannotCount(GatewayError):
    """The backend has no way to count the tokens of a prompt. No caller gets to see it: an estimate takes its place."""

    def __init__(self, message: str = "The backend does not count tokens.") -> None:
        super().__init__(message, 501, "invalid_request_error", "cannot_count")


class BackendUnavailable(GatewayError):
    """No backend answers, or it is busy: 503, worth another try soon."""

    def __init__(self, message: str, code: str = "backend_unavailable", retry_after_s: int = 2) -> None:
        super().__init__(message, 503, "server_error", code, retry_after_s=retry_after_s)


class BackendFailed(GatewayError):
    """The backend answered with a failure of its own or with something that is no answer: 502."""

    def __init__(self, message: str, code: str = "backend_error", should_retry: bool | None = None) -> None:
        super().__init__(message, 502, "server_error", code, should_retry=should_retry)


class Truncated(GatewayError):
    """The backend's stream ended before its own terminator: 502, or an in-band error after the first byte."""

    def __init__(self, message: str, should_retry: bool | None = None) -> None:
        super().__init__(message, 502, "server_error", "truncated", should_retry=should_retry)


class DownloadFailed(GatewayError):
    """A model could not be had from where it should come from: 502."""

    def __init__(self, message: str, code: str = "download_failed") -> None:
        super().__init__(message, 502, "server_error", code, should_retry=False)


class NoRoom(GatewayError):
    """The disk is too full for a model: 507."""

    def __init__(self, message: str) -> None:
        super().__init__(message, 507, "server_error", "no_room", should_retry=False)


class BackendTimeout(GatewayError):
    """The backend was silent for too long: 504."""

    def __init__(self, message: str, code: str = "backend_timeout") -> None:
        super().__init__(message, 504, "server_error", code, should_retry=False)


def where(fault: BaseException) -> str:
    """Kind and place of an unforeseen failure, for the log: never its words, which may quote a prompt."""
    frames = traceback.extract_tb(fault.__traceback__)
    places = " < ".join(f"{frame.name} ({frame.filename}:{frame.lineno})" for frame in reversed(frames[-6:]))
    return f"{type(fault).__name__} in {places}"
