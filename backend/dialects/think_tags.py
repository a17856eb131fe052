"""Tells thinking from answer where a model writes both into its text: `<think>…</think>` before the answer."""

from __future__ import annotations

from typing import Literal

from backend.dialects.chat import JSON, ReasoningDelta, TextDelta

_OPEN = "<think>"
_CLOSE = "</think>"
_MOST_HELD = 32  # characters, and pieces

Delta = TextDelta | ReasoningDelta


class ThinkTags:
    """Reads one choice's text from its start. Once `is_done`, the rest of the text is the answer as it comes.

    Only a tag before anything but white space counts, so that an answer that speaks of `<think>` stays whole. Text is
    held back only while it may still become that tag, or, within the thinking, its end.
    """

    def __init__(self, choice: int) -> None:
        self._choice = choice
        self._place: Literal["start", "thinking", "gap", "answer"] = "start"
        self._held: list[tuple[str, JSON]] = []
        self._tail = ""
        self._has_thought = False

    @property
    def is_done(self) -> bool:
        return self._place == "answer"

    def feed(self, text: str, logprobs: JSON = None) -> list[Delta]:
        """The deltas that are certain now. Pieces keep their own logprobs; those of thinking are dropped."""
        match self._place:
            case "start":
                return self._start(text, logprobs)
            case "thinking":
                return self._think(text)
            case "gap":
                return self._answer(text.lstrip("\r\n"), logprobs)
        return [TextDelta(text, self._choice, logprobs)]

    def end(self) -> list[Delta]:
        """What was held back: the text ends here, or is no thinking after all."""
        self._place = "answer"
        deltas: list[Delta] = [TextDelta(piece, self._choice, logprobs) for piece, logprobs in self._held]
        self._held.clear()
        if self._tail:
            deltas.append(ReasoningDelta(self._tail, self._choice))
            self._tail = ""
        return deltas

    def _start(self, text: str, logprobs: JSON) -> list[Delta]:
        self._held.append((text, logprobs))
        held = "".join(piece for piece, _ in self._held)
        start = held.lstrip()
        if start.startswith(_OPEN):
            self._held.clear()
            self._place = "thinking"
            return self._think(start[len(_OPEN) :])
        if _OPEN.startswith(start) and len(held) <= _MOST_HELD and len(self._held) <= _MOST_HELD:
            return []
        return self.end()

    def _think(self, text: str) -> list[Delta]:
        text = self._tail + text
        end = text.find(_CLOSE)
        if end >= 0:
            self._tail = ""
            self._place = "gap"
            return self._thought(text[:end]) + self._answer(text[end + len(_CLOSE) :].lstrip("\r\n"), None)
        certain = len(text) - _overlap(text)
        self._tail = text[certain:]
        return self._thought(text[:certain])

    def _thought(self, text: str) -> list[Delta]:
        text = text if self._has_thought else text.lstrip("\r\n")
        self._has_thought = self._has_thought or bool(text)
        return [ReasoningDelta(text, self._choice)] if text else []

    def _answer(self, text: str, logprobs: JSON) -> list[Delta]:
        """The answer's first piece; the blank lines that part it from the thinking belong to neither."""
        if not text:
            return []
        self._place = "answer"
        return [TextDelta(text, self._choice, logprobs)]


def _overlap(text: str) -> int:
    """How many characters at the end of the text may be the start of the closing tag."""
    for size in range(min(len(text), len(_CLOSE) - 1), 0, -1):
        if _CLOSE.startswith(text[-size:]):
            return size
    return 0
