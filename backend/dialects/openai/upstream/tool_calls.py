"""Puts in order the pieces of tool calls that OpenAI-compatible servers stream."""

from __future__ import annotations

from typing import Any

import orjson

from backend.dialects.chat import JSON, ToolCallDelta

_MOST_CALLS = 1024


class Malformed(Exception):
    """Something that no server of this dialect sends."""


class ToolCalls:
    """The calls of one choice, numbered anew by their ids.

    Several servers give every parallel call the index 0 (ollama #15457), some give no index, some no id. A piece
    without an id continues the call that last had its index, else the last call. An id that is missing is made of
    `seed`, so that the same stream gives the same ids.
    """

    def __init__(self, choice: int, seed: str) -> None:
        self._choice = choice
        self._seed = seed
        self._by_id: dict[str, int] = {}
        self._by_index: dict[int, int] = {}
        self._count = 0

    @property
    def has_any(self) -> bool:
        return self._count > 0

    def feed(self, pieces: JSON) -> list[ToolCallDelta]:
        """`delta.tool_calls`, or `message.tool_calls` of a whole answer. Raises Malformed."""
        if not isinstance(pieces, list):
            raise Malformed
        deltas = (self._piece(piece) for piece in pieces)
        return [delta for delta in deltas if delta.id is not None or delta.arguments or delta.name]

    def _piece(self, piece: JSON) -> ToolCallDelta:
        function = piece.get("function") or {} if isinstance(piece, dict) else None
        if not isinstance(function, dict):
            raise Malformed
        id, name = _word(piece.get("id")), _word(function.get("name"))
        index = piece.get("index")
        index = index if isinstance(index, int) else None
        number = self._find(id, name, index)
        is_new = number is None
        if number is None:
            number = self._count
            self._count += 1
            id = id or f"call_{self._seed}_{self._choice}_{number}"
            self._by_id[id] = number
        if index is not None:
            self._by_index[index] = number
        arguments = _arguments(function.get("arguments"))
        return ToolCallDelta(number, arguments, id if is_new else None, name if is_new else None, self._choice)

    def _find(self, id: str | None, name: str | None, index: int | None) -> int | None:
        """The number of the call that a piece belongs to, None for a new one."""
        if id is not None:
            number = self._by_id.get(id)
        elif index is not None and index in self._by_index:
            number = self._by_index[index]
        else:
            number = None if name else self._count - 1
        if number == -1 or (number is None and self._count >= _MOST_CALLS):
            raise Malformed
        return number


def _word(value: Any) -> str | None:
    if value is None or isinstance(value, (str, int)):
        return str(value or "") or None
    raise Malformed


def _arguments(value: JSON) -> str:
    """A text by the definition; some servers send the object itself."""
    if isinstance(value, dict):
        return orjson.dumps(value).decode()
    if value is None or isinstance(value, str):
        return value or ""
    raise Malformed
