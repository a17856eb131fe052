"""LM Studio's models: load, unload and pull, over the API that it has since 0.4.0.

Facts are from its documentation (lmstudio.ai/docs/developer/rest). It answers 200 to what it does not know, so
answers are judged by their shape.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Mapping
from typing import Any

import gevent

from backend.backends.fields import entries, name, word, words
from backend.dialects.chat import Model
from backend.dialects.progress import Progress, Tally
from backend.errors import BackendFailed, BadRequest, GatewayError, ModelNotFound, Unsupported
from backend.upstream.cold import READ_TIMEOUT_S, ask, refused_key
from backend.upstream.endpoint import Server

JSON = Any
MODELS = "/api/v1/models"
PULL_POLL_S = 1.0
_JOB = re.compile(r"[A-Za-z0-9_-]{1,100}", re.ASCII)


class LMStudioStore:
    """See the module. `error` tells what a refusal means; `idle_s` is the longest silence."""

    cannot: Mapping[str, str] = {
        "delete": "LM Studio cannot delete models over its API: delete this one in LM Studio, under My Models."
    }

    def __init__(self, server: Server, idle_s: float, error: Callable[[int, bytes], GatewayError]) -> None:
        self._server, self._idle_s, self._error = server, idle_s, error

    def load(self, model: Model) -> str:
        """Looks first: LM Studio would load a second copy of a model that is there."""
        key, copies = self._copies(model.id)
        if not copies:
            told = self._ask(MODELS + "/load", {"model": key}, self._idle_s)
            self._check_is_told(told.get("instance_id") or told.get("model_instance_id"))  # two versions' names for it
        return key

    def unload(self, model: Model) -> str:
        key, copies = self._copies(model.id)
        for copy in copies:
            told = self._ask(MODELS + "/unload", {"instance_id": copy})
            self._check_is_told(told.get("instance_id"))
        return key

    def pull(self, name: str) -> Generator[Progress, None, None]:
        """A job that is asked about again and again. It has no address to stop a job: closing the generator only
        stops the asking, and LM Studio goes on."""
        if "://" in name and not name.startswith("https://huggingface.co/"):
            raise BadRequest("LM Studio pulls from its catalogue or from https://huggingface.co/ only.", "model")
        tally = Tally("LM Studio")
        told = self._ask(MODELS + "/download", {"model": name})
        job = told.get("job_id")
        while (status := told.get("status")) not in ("completed", "already_downloaded"):
            if status == "failed":
                raise BackendFailed("LM Studio could not download the model; its own window says why.")
            if status not in ("downloading", "paused") or not isinstance(job, str) or not _JOB.fullmatch(job):
                raise tally.nonsense()
            if told.get("total_size_bytes") is not None:
                tally.add(job, told.get("downloaded_bytes"), told["total_size_bytes"])
            yield tally.note("downloading", status)
            gevent.sleep(PULL_POLL_S)
            told = self._ask(f"{MODELS}/download/status/{job}")

    def delete(self, model: Model) -> None:
        raise Unsupported(self.cannot["delete"])

    def _copies(self, model: str) -> tuple[str, list[str]]:
        """The key of the model that this name means, and the ids of its loaded copies, looked at now."""
        for entry in entries(self._ask(MODELS).get("models")):
            key = name(entry.get("key"))
            loaded = (name(copy.get("id")) for copy in entries(entry.get("loaded_instances")))
            copies = [copy for copy in loaded if copy]
            if key and model in (key, *copies, *words(entry.get("variants"))):
                return key, copies
        raise ModelNotFound(f"LM Studio has no model {model[:100]!r}. GET /models lists those it has.")

    def _ask(self, path: str, body: JSON = None, timeout_s: float = READ_TIMEOUT_S) -> Mapping[str, JSON]:
        answer = ask(self._server, path, body, timeout_s)
        told = answer.object()
        if answer.status in (401, 403):
            raise refused_key(self._server)
        if str(told.get("error", "")).startswith("Unexpected endpoint"):
            raise Unsupported("This LM Studio does not manage models over its API. Update it to 0.4.0 or later.")
        if answer.status != 200 or told.get("error"):
            raise self._error(answer.status, answer.body)
        return told

    def _check_is_told(self, value: JSON) -> None:
        if word(value) is None:
            raise BackendFailed("LM Studio did not say that it has done what it was asked.")
