"""Takes out of a backend's error what it quotes: the gateway's key, and longer stretches of what was asked.

A backend's own words may be shown, since they help; but servers quote what they were sent, and an error travels
further than a prompt should: into other programs' logs, tickets and screenshots.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import orjson

from backend.errors import GatewayError

LONGEST_QUOTE = 24
"""Shorter stretches stay: they are words of the trade (`max_completion_tokens`) rather than of the prompt."""
_WINDOW = LONGEST_QUOTE // 2
_LONGEST_KEY_SHOWN = 4
_PARAM = re.compile(r"[A-Za-z0-9_.\[\]-]{1,64}", re.ASCII)
_OCCURRENCES = 8


def without_quotes(error: GatewayError, sent: bytes, key: str, model: str) -> GatewayError:
    """The same error, with `…` for what it quotes. `sent` is the JSON that the backend got, `key` its own; the name
    of the model may stay."""
    error.message = hide_quotes(error.message, sent.replace(orjson.dumps(model), b""), key)
    error.args = (error.message,)
    if error.param is not None and (
        not _PARAM.fullmatch(error.param) or error.param != hide_quotes(error.param, sent, key)
    ):
        error.param = None
    return error


def hide_quotes(text: str, sent: bytes, key: str) -> str:
    """As `without_quotes`, of a bare text."""
    if len(key) > _LONGEST_KEY_SHOWN:
        text = text.replace(key, "…")
    letters = [orjson.dumps(letter)[1:-1] for letter in text]  # as they stand in JSON
    written = b"".join(letters)
    is_quoted = bytearray(len(written))
    for start, end in _quotes(written, sent):
        is_quoted[start:end] = b"\x01" * (end - start)
    if not any(is_quoted):
        return text
    shown, place = "", 0
    for letter, coded in zip(text, letters, strict=True):
        if not is_quoted[place]:
            shown += letter
        elif not shown.endswith("…"):
            shown += "…"
        place += len(coded)
    return shown


def _quotes(written: bytes, sent: bytes) -> Iterator[tuple[int, int]]:
    """Stretches of `written` that also stand in `sent`. A long one holds at least one whole window."""
    for start in range(0, len(written) - _WINDOW + 1, _WINDOW):
        window = written[start : start + _WINDOW]
        place = sent.find(window)
        for _ in range(_OCCURRENCES):
            if place < 0:
                break
            before = _common(written[:start][::-1], sent[max(0, place - start) : place][::-1])
            rest = written[start + _WINDOW :]
            after = _common(rest, sent[place + _WINDOW : place + _WINDOW + len(rest)])
            if before + _WINDOW + after >= LONGEST_QUOTE:
                yield start - before, start + _WINDOW + after
            place = sent.find(window, place + 1)


def _common(one: bytes, other: bytes) -> int:
    """How many bytes the two begin with alike."""
    for index, (left, right) in enumerate(zip(one, other, strict=False)):
        if left != right:
            return index
    return min(len(one), len(other))
