"""Which dialect an address speaks, also one where there is nothing: a client understands no other dialect's errors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from backend.dialects.dialect import Dialect


class Names(Protocol):
    """The names of a request's header fields, in lower case or whatever their case."""

    def __contains__(self, name: str, /) -> bool: ...


class Dialects:
    """`homes` are the beginnings of addresses; the longest that fits decides. "/" must be among them. `signs` are
    headers that one dialect's clients alone send; they decide at addresses that are nobody's home, or several's."""

    def __init__(self, homes: Mapping[str, Dialect], signs: Mapping[str, Dialect]) -> None:
        self._homes = sorted(homes.items(), key=lambda home: -len(home[0]))
        self._signs = signs

    def at(self, path: str, headers: Names) -> Dialect:
        for home, dialect in self._homes[:-1]:
            if path == home or path.startswith(home + "/"):
                return dialect
        return next((dialect for sign, dialect in self._signs.items() if sign in headers), self._homes[-1][1])
