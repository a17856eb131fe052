"""Writes the pull of a model as lines of NDJSON: progress, and a last line that is a model or an error."""

from __future__ import annotations

import orjson

from backend.dialects.chat import JSON, Completed, Event, Failed, Pulled
from backend.dialects.objects import encode_error
from backend.dialects.own.models import describe_model
from backend.dialects.progress import Progress


class ProgressStream:
    """A sign of life is the latest line once more, which every reader of lines understands."""

    content_type = "application/x-ndjson"

    def __init__(self) -> None:
        self.keep_alive = encode_progress(Progress())
        self._model: JSON = None

    def encode(self, event: Event) -> bytes:
        match event:
            case Progress():
                self.keep_alive = encode_progress(event)
                return self.keep_alive
            case Pulled():
                self._model = describe_model(event.model) if event.model else None
            case Completed():
                return encode_done(self._model)
            case Failed():
                return encode_error(event.error) + b"\n"
        return b""


def encode_progress(progress: Progress) -> bytes:
    """A line of NDJSON."""
    return _line(
        {
            "status": progress.phase,
            "detail": progress.detail,
            "completed": progress.completed,
            "total": progress.total,
            "fraction": progress.fraction,
        }
    )


def encode_done(model: JSON) -> bytes:
    """The last line of a pull that the backend called a success."""
    return _line({"status": "done", "model": model})


def _line(value: JSON) -> bytes:
    return orjson.dumps(value) + b"\n"
