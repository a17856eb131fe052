"""A call of a tool, as it comes in pieces and goes out as a block."""

from __future__ import annotations

from dataclasses import dataclass

import orjson

from backend.dialects.chat import JSON
from backend.errors import BackendFailed


@dataclass(slots=True)
class Call:
    """`untold` is what of its arguments the client has not got yet."""

    id: str
    name: str
    arguments: str = ""
    untold: str = ""
    has_begun: bool = False

    def add(self, piece: str) -> None:
        self.arguments += piece
        self.untold += piece

    @property
    def is_whole(self) -> bool:
        return read_input(self.arguments) is not None

    def block(self, input: JSON) -> dict[str, JSON]:
        return {"type": "tool_use", "id": self.id, "name": self.name, "input": input}


def read_input(arguments: str) -> dict[str, JSON] | None:
    """The object that the arguments are, or None; no arguments at all are an empty object."""
    try:
        value = orjson.loads(arguments or "{}")
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None


def garbled() -> BackendFailed:
    return BackendFailed("The model called a tool with arguments that are no JSON object. Ask again.", "garbled_call")
