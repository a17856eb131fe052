"""Reads what Ollama tells of a pull (`POST /api/pull`), a line at a time.

Facts are from server/images.go and server/download.go: layers come one after another, each with its own size (their
sum is not told); zeros are left out; a failure is a last line, under a 200.
"""

from __future__ import annotations

import orjson

from backend.dialects.ollama.upstream.failure import judge
from backend.dialects.progress import Phase, Progress, Tally
from backend.dialects.server_error import complaint_of

_STARTING = ("pulling manifest",)
_VERIFYING = ("verifying", "writing", "removing")


class OllamaPull:
    """See the module. Only Ollama's own "success" makes `is_done` true."""

    def __init__(self) -> None:
        self._tally = Tally("Ollama")
        self.is_done = False

    def read(self, line: bytes) -> Progress:
        """Where the pull is after this line. Raises GatewayError: Ollama's own complaint, or BackendFailed."""
        try:
            told = orjson.loads(line)
        except orjson.JSONDecodeError:
            told = None
        if not isinstance(told, dict):
            raise self._tally.nonsense()
        if told.get("error"):
            raise judge(None, complaint_of(told))
        status = told.get("status", "")
        digest = told.get("digest") or ""
        if not isinstance(status, str) or not isinstance(digest, str):
            raise self._tally.nonsense()
        self.is_done = status == "success"
        has_size = told.get("total") is not None
        if has_size:
            self._tally.add(digest or status, told.get("completed"), told["total"])
        return self._tally.note(_phase(status, has_size), status)


def _phase(status: str, has_size: bool) -> Phase | None:
    if status.startswith(_VERIFYING):
        return "verifying"
    if status.startswith(_STARTING):
        return "starting"
    return "downloading" if has_size else None
