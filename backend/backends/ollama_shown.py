"""What `/api/show` says of Ollama's models, asked once for each digest: `/api/tags` tells less, and some of it wrong.

Tags leave `tools` and `thinking` out for models that use the template in their GGUF (server/model_list_cache.go), and
say nothing of the weights behind a name, nor of the context that it would be loaded with.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Any

from gevent import Timeout
from gevent.pool import Pool

from backend.backends.fields import count, fields, word, words
from backend.errors import GatewayError

JSON = Any
MOST_AT_A_TIME = 50
MOST_AT_ONCE = 4
PATIENCE_S = 2.0
"""A listing waits no longer than this; what comes later is there for the next one."""
AGAIN_S = 60.0
"""A model that could not be shown is asked about again after this."""
_LOADED_WITH = ("num_ctx", "num_batch", "num_gpu", "main_gpu", "use_mmap", "num_thread", "draft_num_predict")
_CAPABILITIES = {"tools", "vision", "embedding", "thinking", "insert"}


@dataclass(frozen=True, slots=True)
class Shown:
    """What is known of one digest. `echoes`: its own template is used, by a runner that repeats the words which it is
    to go on from. `weights` is the same for names that share a file, `runner` for those of them that are loaded alike
    (server/sched.go: needsReload)."""

    capabilities: tuple[str, ...] | None = None
    trained_context: int | None = None
    num_ctx: int | None = None
    echoes: bool = True
    weights: str | None = None
    runner: str | None = None


class ShownModels:
    """See the module. `ask` gives the answer to `/api/show` for a name, or raises GatewayError."""

    def __init__(self, ask: Callable[[str], Mapping[str, JSON]], clock: Callable[[], float] = monotonic) -> None:
        self._ask, self._clock = ask, clock
        self._known: dict[str, Shown] = {}
        self._failed_at: dict[str, float] = {}

    def get(self, digest: str) -> Shown | None:
        return self._known.get(digest)

    def learn(self, names: Mapping[str, str]) -> None:
        """Ask about those of these digests (with a name of each) that are not known, and forget all others."""
        self._known = {digest: shown for digest, shown in self._known.items() if digest in names}
        due = self._clock() - AGAIN_S
        unknown = [d for d in names if d not in self._known and self._failed_at.get(d, due) <= due]
        pool = Pool(MOST_AT_ONCE)
        with Timeout(PATIENCE_S, False):
            for digest in unknown[:MOST_AT_A_TIME]:
                pool.spawn(self._learn, digest, names[digest])
            pool.join()

    def forget(self) -> None:
        """Another version of Ollama may judge its models anew."""
        self._known.clear()
        self._failed_at.clear()

    def _learn(self, digest: str, name: str) -> None:
        try:
            told = self._ask(name)
        except GatewayError:
            self._failed_at[digest] = self._clock()
        else:
            self._known[digest] = _read(told)


def trained(told: Mapping[str, JSON], what: str) -> int | None:
    """`model_info` names its figures after the architecture: `llama.context_length`."""
    known = fields(told.get("model_info"))
    family = word(known.get("general.architecture")) or ""
    return count(known.get(f"{family}.{what}")) or count(fields(told.get("details")).get(what))


def capabilities_of(told: JSON) -> tuple[str, ...]:
    """In the words that all backends use: chat, completion, tools, vision, embedding, thinking, insert.

    Ollama's "completion" means both of the first two.
    """
    found = words(told)
    generates = ("chat", "completion") if "completion" in found else ()
    return (*generates, *(capability for capability in found if capability in _CAPABILITIES))


def _read(told: Mapping[str, JSON]) -> Shown:
    capable = told.get("capabilities")
    parameters = _parameters(told.get("parameters"))
    files = _files(told.get("modelfile"))
    loaded_with = (f"{name} {parameters[name]}" for name in _LOADED_WITH if name in parameters)
    return Shown(
        capabilities_of(capable) if isinstance(capable, list) else None,
        trained(told, "context_length"),
        _whole(parameters.get("num_ctx")),
        "{%"
        in str(
            told.get("template")
        ),  # in Jinja; Ollama's own templates are Go's (server/routes.go: selectedModelTemplate)
        files[0] if files else None,
        "\n".join((*files, *loaded_with)) if files else None,
    )


def _files(modelfile: JSON) -> list[str]:
    """What the runner loads: the weights first, then adapters and projectors. They stand at the top of the text."""
    found: list[str] = []
    for line in modelfile.splitlines()[:100] if isinstance(modelfile, str) else ():
        command, _, argument = line.partition(" ")
        if command in ("FROM", "ADAPTER", "DRAFT"):
            found.append(argument.strip())
        elif line.strip() and not line.startswith("#"):
            break
    return found if found and "sha256" in found[0] else []  # a name is none, see server/routes.go: IsMLX


def _parameters(text: JSON) -> dict[str, str]:
    """One a line, name and value (server/routes.go: GetModelInfo)."""
    lines = text.splitlines()[:1000] if isinstance(text, str) else []
    pairs = (line.split(None, 1) for line in lines)
    return {pair[0]: pair[1].strip() for pair in pairs if len(pair) == 2}


def _whole(text: str | None) -> int | None:
    return count(int(text)) if text is not None and text.isascii() and text.isdigit() and len(text) < 19 else None
