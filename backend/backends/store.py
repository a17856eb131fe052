"""What can be changed at a backend: which models it has, and which of them are in memory."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Protocol

from backend.dialects.chat import Model
from backend.dialects.progress import Progress
from backend.errors import Unsupported

VERBS = ("load", "unload", "pull", "delete")


class Store(Protocol):
    """The models of one backend. All of it blocks, cooperatively; every failure is a GatewayError.

    `cannot` tells of each verb that the backend has nothing for, in a sentence that says what to do instead.
    """

    cannot: Mapping[str, str]

    def load(self, model: Model) -> str:
        """Put a listed model into memory and wait until it is there, without any limit but the backend's silence.
        The id under which the listing shows it."""

    def unload(self, model: Model) -> str:
        """Take every copy of a listed model out of memory. The id under which the listing shows it."""

    def pull(self, name: str) -> Generator[Progress, None, None]:
        """Have the backend download a model that it may not have. The end without a failure is the backend's own
        word of success. Closing the generator lets go of the backend at once."""

    def delete(self, model: Model) -> None:
        """Delete a listed model for good."""


class NoStore:
    """Of a backend whose models nobody can change from outside."""

    def __init__(self, cannot: Mapping[str, str]) -> None:
        self.cannot = cannot

    def load(self, model: Model) -> str:
        raise Unsupported(self.cannot["load"])

    def unload(self, model: Model) -> str:
        raise Unsupported(self.cannot["unload"])

    def pull(self, name: str) -> Generator[Progress, None, None]:
        raise Unsupported(self.cannot["pull"])

    def delete(self, model: Model) -> None:
        raise Unsupported(self.cannot["delete"])
