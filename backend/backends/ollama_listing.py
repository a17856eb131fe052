"""Joins what Ollama tells of its models: what is installed (`/api/tags`), what it says of each (`/api/show`), and what
is in memory (`/api/ps`).

Names that share their weights share one runner (server/sched.go: schedulerModelKey), and `/api/ps` tells it under the
name that it was loaded for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from backend.backends.fields import count, fields, name, word, words
from backend.backends.ollama_shown import Shown, ShownModels, capabilities_of
from backend.dialects.chat import Model

JSON = Any
LEAST_DEFAULT = 4096
"""The context of a model that says nothing of it, on a machine with little video memory; with more, Ollama takes more
(server/routes.go: defaultNumCtx), and OLLAMA_CONTEXT_LENGTH may say anything."""
_EVERY_MODEL = Shown()


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of `/api/tags`."""

    id: str
    digest: str
    is_cloud: bool
    told: Mapping[str, JSON]


@dataclass(frozen=True, slots=True)
class Running:
    """One line of `/api/ps`. `digest` is None where an older version does not tell it."""

    id: str
    digest: str | None
    memory_bytes: int | None
    context_length: int | None
    expires_at: str | None


def read_entry(told: Mapping[str, JSON]) -> Entry | None:
    id = name(told.get("model")) or name(told.get("name"))
    if id is None:
        return None
    is_remote = bool(word(told.get("remote_host")) or word(told.get("remote_model")))
    return Entry(id, word(told.get("digest")) or id, is_remote or is_cloud_name(id), told)


def read_running(told: Mapping[str, JSON]) -> Running | None:
    id = name(told.get("model")) or name(told.get("name"))
    if id is None:
        return None
    memory = count(told.get("size")) or count(told.get("size_vram"))
    expires_at = word(told.get("expires_at"))
    return Running(id, word(told.get("digest")), memory, count(told.get("context_length")), expires_at)


def is_cloud_name(model: str) -> bool:
    """Ollama sends these to its cloud whatever it has under the name (internal/modelref: ParseRef)."""
    tag = model.rpartition("/")[2].partition(":")[2].lower()
    return tag == "cloud" or tag.endswith(("-cloud", ":cloud"))


def normal(model: str) -> str:
    """Ollama's own rule for equal names: case does not matter, no tag is `:latest`, the default host and namespace may
    be named."""
    model = model.strip().lower().removeprefix("registry.ollama.ai/").removeprefix("library/")
    return model if ":" in model.rpartition("/")[2] else f"{model}:latest"


class Listing:
    """The models of one moment. `running` is None where Ollama did not tell what is in memory."""

    def __init__(
        self, backend: str, entries: Sequence[Entry], shown: ShownModels, running: Sequence[Running] | None
    ) -> None:
        self._backend, self._entries, self._shown, self._running = backend, entries, shown, running
        self._sharing: dict[str, list[Entry]] = {}
        for entry in entries:
            if not entry.is_cloud:
                self._sharing.setdefault(self._weights(entry), []).append(entry)

    def models(self, default_context: int) -> list[Model]:
        return [self._model(entry, default_context) for entry in self._entries]

    def keys(self) -> dict[str, str]:
        """For each name, in its normal form, what its runner goes by: equal for names that share one."""
        return {normal(entry.id): self._key(entry.digest) for entry in self._entries}

    def running(self) -> dict[str, str | None]:
        """What the runners in memory go by, and when each would leave."""
        keys = self.keys()
        known = self._running or ()
        return {
            self._key(run.digest) if run.digest else keys.get(normal(run.id), run.id): run.expires_at for run in known
        }

    def can_think(self) -> dict[str, bool]:
        """By the normal form of the name, where it is known for certain."""
        known: dict[str, bool] = {}
        for entry in self._entries:
            capable = self._about(entry).capabilities
            if capable is not None or "thinking" in words(entry.told.get("capabilities")):
                known[normal(entry.id)] = capable is None or "thinking" in capable
        return known

    def mute(self) -> set[str]:
        """The names, in their normal form, of models that certainly repeat nothing of what they go on from."""
        known = ((entry, self._shown.get(entry.digest)) for entry in self._entries)
        return {normal(entry.id) for entry, shown in known if shown is not None and not shown.echoes}

    def default_contexts(self) -> list[int]:
        """The contexts of models in memory that say nothing of it themselves, nor reach the end of their own."""
        found = []
        for runner in self._running or ():
            shown = self._shown.get(runner.digest or "")
            if shown is None or shown.num_ctx or not shown.trained_context or not runner.context_length:
                continue
            if runner.context_length < shown.trained_context:
                found.append(runner.context_length)
        return found

    def _key(self, digest: str) -> str:
        shown = self._shown.get(digest)
        return shown.runner if shown is not None and shown.runner else digest

    def _about(self, entry: Entry) -> Shown:
        return self._shown.get(entry.digest) or _EVERY_MODEL

    def _weights(self, entry: Entry) -> str:
        return self._about(entry).weights or entry.digest

    def _loaded(self, entry: Entry) -> Running | None:
        """The runner that would answer for this name as it is."""
        for runner in self._running or ():
            if runner.digest is None:
                if normal(runner.id) == normal(entry.id):
                    return runner
            elif self._key(runner.digest) == self._key(entry.digest):
                return runner
        return None

    def _model(self, entry: Entry, default_context: int) -> Model:
        told, shown, loaded = entry.told, self._about(entry), self._loaded(entry)
        details = fields(told.get("details"))
        trained = count(details.get("context_length")) or shown.trained_context
        capabilities = shown.capabilities or _listed_capabilities(told, entry.is_cloud)
        digest = word(told.get("digest"))
        model = Model(
            id=entry.id,
            backend=self._backend,
            name=entry.id,
            family=word(details.get("family")),
            parameters=word(details.get("parameter_size")),
            quantization=word(details.get("quantization_level")),
            size_bytes=count(told.get("size")),
            context_length=trained,
            trained_context_length=trained,
            capabilities=capabilities,
            is_cloud=entry.is_cloud,
            created=_seconds(told.get("modified_at")),
            dimensions=count(details.get("embedding_length")) if "embedding" in capabilities else None,
            fingerprint=f"sha256:{digest}" if digest else None,
        )
        return model if entry.is_cloud else self._in_memory(model, entry, shown, loaded, default_context)

    def _in_memory(
        self, model: Model, entry: Entry, shown: Shown, loaded: Running | None, default_context: int
    ) -> Model:
        return replace(
            model,
            context_length=(loaded and loaded.context_length) or _context(entry, shown, model, default_context),
            is_loaded=None if self._running is None else loaded is not None,
            memory_bytes=loaded.memory_bytes if loaded else None,
            shares_with=tuple(other.id for other in self._sharing[self._weights(entry)] if other is not entry),
        )


def _context(entry: Entry, shown: Shown, model: Model, default_context: int) -> int | None:
    """What it would be loaded with: never more than it was trained with. None while nobody has told."""
    if shown is _EVERY_MODEL:
        return None
    wanted = shown.num_ctx or default_context
    return min(wanted, model.trained_context_length or wanted)


def _listed_capabilities(told: Mapping[str, JSON], is_cloud: bool) -> tuple[str, ...]:
    """Where nothing is told, only BERT's kin cannot chat."""
    listed, details = told.get("capabilities"), fields(told.get("details"))
    if isinstance(listed, list):
        return capabilities_of(listed)
    families = (*words(details.get("families")), word(details.get("family")) or "")
    return ("embedding",) if any("bert" in family for family in families) else ("chat", "completion")


def _seconds(time: JSON) -> int:
    """RFC 3339, nanoseconds and all, as Unix time; 0 where it is none."""
    try:
        return max(0, int(datetime.fromisoformat(time).timestamp())) if isinstance(time, str) else 0
    except (ValueError, OverflowError):
        return 0
