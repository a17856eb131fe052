"""Strict JSON in: UTF-8, an object, no duplicate keys, finite numbers, bounded depth. Knows no field."""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

from backend.errors import BadRequest

BODY_DEADLINE_S = 120
"""Within which all of it must have arrived."""
DEPTH_LIMIT = 64
VALUES_LIMIT = 200_000
"""Small values are what makes JSON slow: 8 MiB of `[],` would stop every stream for more than two seconds."""
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]", re.ASCII)


def parse_object(data: bytes, values_limit: int = VALUES_LIMIT) -> dict[str, Any]:
    """The one JSON object that `data` is. Raises BadRequest with a sentence."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as fault:
        raise BadRequest("The body is not UTF-8.") from fault
    if not text.strip():
        raise BadRequest("The body is empty; a JSON object is wanted.")
    if _has_too_many_values(data, values_limit):
        raise BadRequest(f"The body holds more than {values_limit} values.")
    try:
        value = _DECODER.decode(text)
    except RecursionError as fault:
        raise BadRequest(f"The body is nested deeper than {DEPTH_LIMIT} levels.") from fault
    except json.JSONDecodeError as fault:
        raise BadRequest(f"The body is not JSON: {fault.msg} at character {fault.pos}.") from fault
    if not isinstance(value, dict):
        raise BadRequest("The body must be a JSON object.")
    if data.count(b"[") + data.count(b"{") > DEPTH_LIMIT:  # fewer brackets cannot be deeper
        _check_depth(value)
    if _SURROGATE.search(data):
        _check_text(value)
    return value


def _has_too_many_values(data: bytes, limit: int) -> bool:
    """Whether parsing is refused, judged without parsing: by the commas and brackets outside of strings."""
    if _marks(data) <= limit:
        return False
    bare = data.replace(b"\\\\", b"").replace(b'\\"', b"")
    if bare.count(b'"') > 4 * limit:  # a name and a string for each value
        return True
    return _marks(b"".join(bare.split(b'"')[::2])) > limit


def _marks(data: bytes) -> int:
    return data.count(b",") + data.count(b"[") + data.count(b"{")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise BadRequest("The body names a field twice.")
    return found


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise BadRequest("The body holds a number that is too large.")
    return number


def _whole(text: str) -> int:
    if len(text) > 64:
        raise BadRequest("The body holds a number that is too large.")
    return int(text)


def _constant(name: str) -> NoReturn:
    raise BadRequest(f"The body holds {name}, which is not JSON.")


def _check_depth(value: Any) -> None:
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > DEPTH_LIMIT:
            raise BadRequest(f"The body is nested deeper than {DEPTH_LIMIT} levels.")
        level = [child for item in level for child in _children(item) if isinstance(child, (dict, list))]


def _children(item: Any) -> Any:
    return item.values() if isinstance(item, dict) else item


def _check_text(value: Any) -> None:
    """Half a character (a lone surrogate) can be written in JSON, but never sent on as UTF-8."""
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, str):
            try:
                item.encode("utf-8")
            except UnicodeEncodeError as fault:
                raise BadRequest("The body holds half a character (a lone surrogate).") from fault
        elif isinstance(item, dict):
            pending += [*item.keys(), *item.values()]
        elif isinstance(item, list):
            pending += item


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_float=_finite, parse_int=_whole, parse_constant=_constant)
"""Made once: `json.loads` makes one for every call that names a hook."""
