"""Whether an answer that ended without its last line was ended by Ollama itself, because it went round in circles.

Where Ollama renders the prompt, it ends a generation after more than 30 tokens that are alike but for white space
around them (llm/llama_server.go: tokenRepeat): the body ends properly, and no line says `done: true`.
"""

from __future__ import annotations

from collections import deque

LEAST_ALIKE = 30
"""So many at least were sent: 31, or 30 where the first ones are white space."""
LONGEST_TOKEN = 64
_LONGEST_TAIL = LEAST_ALIKE * LONGEST_TOKEN


class Repetition:
    """Remembers the last pieces of one answer."""

    __slots__ = ("_pieces",)

    def __init__(self) -> None:
        self._pieces: deque[str] = deque(maxlen=LEAST_ALIKE)

    def note(self, piece: str) -> None:
        """A piece of the answer. Called once per token."""
        if piece:
            self._pieces.append(piece if len(piece) < _LONGEST_TAIL else piece[-_LONGEST_TAIL:])

    def is_endless(self) -> bool:
        """Whether the answer ends in a circle; of one that came whole its text tells."""
        if len(self._pieces) == 1:
            return _ends_in_a_circle(self._pieces[0])
        return len(self._pieces) == LEAST_ALIKE and len({piece.strip() for piece in self._pieces}) == 1


def _ends_in_a_circle(text: str) -> bool:
    if len(text) - len(text.rstrip()) >= LEAST_ALIKE:
        return True
    return any(text.endswith(text[-size:] * LEAST_ALIKE) for size in range(1, min(LONGEST_TOKEN, len(text)) + 1))
