"""Reads the fields of a server's listing, where everything may be missing, null or of a wrong type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from backend.dialects.fields import is_name

JSON = Any
LONGEST_WORD = 300
LONGEST_TEXT = 64 * 1024
MOST_WORDS = 5000


def word(value: JSON) -> str | None:
    """A short printable text; anything else is none."""
    is_word = isinstance(value, str) and 0 < len(value) <= LONGEST_WORD and value.isprintable()
    return value.strip() or None if is_word else None


def name(value: JSON) -> str | None:
    """A model's name, just as it must be said again: what callers can ask for is what is listed."""
    return value if isinstance(value, str) and is_name(value) else None


def count(value: JSON) -> int | None:
    """A size, a length, a number of tokens: whole and above zero."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**63 else None


def words(value: JSON) -> tuple[str, ...]:
    found = (word(item) for item in value[:MOST_WORDS]) if isinstance(value, list) else ()
    return tuple(item for item in found if item)


def fields(value: JSON) -> Mapping[str, JSON]:
    return value if isinstance(value, dict) else {}


def entries(value: JSON) -> list[Mapping[str, JSON]]:
    """The objects of a list, as many as the answer holds; Ollama and others write null for an empty one."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def scale(number: JSON) -> str | None:
    """A number of parameters as people say it: 3212749888 is "3.2B"."""
    known = count(number)
    if known is None:
        return None
    for unit, letter in ((10**12, "T"), (10**9, "B"), (10**6, "M"), (10**3, "K")):
        if known >= unit:
            return f"{known / unit:.3g}{letter}"
    return str(known)


def bounded(value: JSON, depth: int = 4) -> JSON:
    """What is shown as the server told it, with an end to its texts, lists and depth."""
    if isinstance(value, str):
        return value if len(value) <= LONGEST_TEXT else value[:LONGEST_TEXT] + "…"
    if isinstance(value, (dict, list)) and depth == 0:
        return None
    if isinstance(value, dict):
        return {key[:LONGEST_WORD]: bounded(item, depth - 1) for key, item in list(value.items())[:200]}
    if isinstance(value, list):
        return [bounded(item, depth - 1) for item in value[:200]]
    return value


def without_nothing(shown: Mapping[str, JSON]) -> dict[str, JSON]:
    """What is told, without what is not."""
    return {key: value for key, value in shown.items() if value is not None and value != "" and value != []}
