"""Ollama's models: load, unload, pull, delete.

Facts are from Ollama's source (server/routes.go, cmd/cmd.go) where nothing else is said.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Generator, Mapping
from contextlib import closing
from time import monotonic
from typing import Any

import gevent

from backend.backends.fields import entries
from backend.backends.ollama_listing import is_cloud_name
from backend.dialects.chat import Model
from backend.dialects.ollama.upstream.failure import decode_error
from backend.dialects.ollama.upstream.pull import OllamaPull
from backend.dialects.progress import Progress
from backend.errors import BackendTimeout, BadRequest, Forbidden, Truncated
from backend.upstream.cold import READ_TIMEOUT_S, ask, lines
from backend.upstream.endpoint import Server

JSON = Any
UNLOAD_PATIENCE_S = 5.0
"""A model leaves memory some moments after Ollama has said yes; one that is answering somebody, when it is done."""
UNLOAD_POLL_S = 0.1
PS_TIMEOUT_S = 2.0
LIBRARIES = ("registry.ollama.ai", "ollama.com", "hf.co", "huggingface.co")
"""A name may begin with a host, and Ollama fetches from whatever host that is, and quotes what that says when it
fails: with any other host, a caller could look around in the network that Ollama stands in."""


class OllamaStore:
    """See the module. `idle_s` is the longest silence; `loaded` is told which model certainly is in memory now.
    `allows_cloud`: models that only stand for one in a cloud may be pulled."""

    cannot: Mapping[str, str] = {}

    def __init__(self, server: Server, idle_s: float, loaded: Callable[[str], None], allows_cloud: bool) -> None:
        self._server, self._idle_s, self._loaded, self._allows_cloud = server, idle_s, loaded, allows_cloud

    def load(self, model: Model) -> str:
        """A generation without a prompt loads, and an embedding of nothing does for models that generate nothing.

        No context length is sent along: the next request would come without it, and load the model anew.
        """
        if not model.capabilities or "completion" in model.capabilities:
            self._ask("/api/generate", {"model": model.id, "stream": False}, self._idle_s)
        else:
            self._ask("/api/embed", {"model": model.id, "input": []}, self._idle_s)
        self._loaded(model.id)
        return model.id

    def unload(self, model: Model) -> str:
        self._expire(model.id)
        deadline = monotonic() + UNLOAD_PATIENCE_S
        while self._is_running({model.id, *model.shares_with}) and monotonic() < deadline:
            gevent.sleep(UNLOAD_POLL_S)
        return model.id

    def pull(self, name: str) -> Generator[Progress, None, None]:
        """Ollama stops when the connection is closed, and a new pull goes on from there. `insecure` is never sent."""
        _check_library(name)
        if is_cloud_name(name) and not self._allows_cloud:
            raise Forbidden(
                "This is a cloud model: what is said to it would leave this machine. To allow that, put "
                "CLOUD_MODELS=true into .env and restart the gateway.",
                "cloud_off",
            )
        reader = OllamaPull()
        with closing(lines(self._server, "/api/pull", {"model": name}, self._idle_s, decode_error)) as told:
            for line in told:
                progress = reader.read(line)
                if reader.is_done:
                    return
                yield progress
        raise Truncated("Ollama broke off before the pull was complete. Pull again: it goes on from there.")

    def delete(self, model: Model) -> None:
        """Out of memory first, as `ollama rm` does; but not what answers for another name as well, nor what is in none:
        Ollama would ask its cloud about it."""
        if not model.is_cloud and not model.shares_with:
            self._expire(model.id)
        self._ask("/api/delete", {"model": model.id}, method="DELETE")

    def _expire(self, id: str) -> None:
        """Takes a model of any kind out of memory, and does nothing to one that is not there."""
        self._ask("/api/generate", {"model": id, "keep_alive": 0, "stream": False})

    def _is_running(self, ids: Container[JSON]) -> bool:
        try:
            running = ask(self._server, "/api/ps", timeout_s=PS_TIMEOUT_S).object().get("models")
        except BackendTimeout:  # it waits for another model that is loading
            return False
        return any(entry.get("name") in ids or entry.get("model") in ids for entry in entries(running))

    def _ask(self, path: str, body: JSON, timeout_s: float = READ_TIMEOUT_S, method: str | None = None) -> None:
        answer = ask(self._server, path, body, timeout_s, method)
        if answer.status != 200 or answer.object().get("error"):
            raise decode_error(answer.status, answer.body)


def _check_library(name: str) -> None:
    """Raises BadRequest for a host that is no public library. What stands before the last two parts of a name is a
    host (types/model/name.go)."""
    host = name.rpartition("/")[0].rpartition("/")[0]
    if host and host.lower() not in LIBRARIES:
        raise BadRequest(
            "Through the gateway Ollama pulls from ollama.com and hf.co only. From elsewhere: `ollama pull NAME`.",
            "model",
        )
