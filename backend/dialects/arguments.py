"""The arguments of a call that a model made earlier, for servers that take an object and nothing else."""

from __future__ import annotations

import orjson

from backend.dialects.chat import JSON
from backend.dialects.fields import is_writable


def as_object(arguments: str) -> dict[str, JSON]:
    """What a model wrote instead of an object (an answer of length ends within it) stays readable as one argument."""
    try:
        value = orjson.loads(arguments or "{}")
    except orjson.JSONDecodeError:
        value = None
    return value if isinstance(value, dict) and is_writable(value) else {"arguments": arguments}


def as_object_text(arguments: str) -> str:
    """As it was said where that is an object."""
    told = as_object(arguments)
    return orjson.dumps(told).decode() if told == {"arguments": arguments} else arguments
