"""Which dialect an address speaks, also one where there is nothing: a client understands no other dialect's errors."""

from __future__ import annotations

from collections.abc import Mapping

from backend.dialects.dialect import Dialect


class Dialects:
    """`homes` are the beginnings of addresses; the longest that fits decides. "/" must be among them."""

    def __init__(self, homes: Mapping[str, Dialect]) -> None:
        self._homes = sorted(homes.items(), key=lambda home: -len(home[0]))

    def at(self, path: str) -> Dialect:
        for home, dialect in self._homes:
            if path == home or path.startswith(home.rstrip("/") + "/"):
                return dialect
        return self._homes[-1][1]
