"""How far the pull of a model has come, in one form for all backends. Sizes in bytes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

from backend.errors import BackendFailed

JSON = Any
Phase = Literal["starting", "downloading", "verifying"]
PHASES: tuple[Phase, ...] = ("starting", "downloading", "verifying")
LONGEST_DETAIL = 120
MOST_LAYERS = 1000


@dataclass(frozen=True, slots=True)
class Progress:
    """One line of a pull. `detail` is the backend's own word for what it does, "" for none.

    `completed` and `total` add up the layers that the backend has told of so far, None before the first. `fraction`
    is from 0 to 1 and never goes back, though a further layer may make `total` larger.
    """

    phase: Phase = "starting"
    detail: str = ""
    completed: int | None = None
    total: int | None = None
    fraction: float | None = None


class Tally:
    """Adds a pull up, so that whatever a backend tells in whatever order, nothing goes back."""

    def __init__(self, server: str) -> None:
        """`server` begins a sentence."""
        self._server = server
        self._phase: Phase = "starting"
        self._layers: dict[str, tuple[int, int]] = {}
        self._fraction = 0.0

    def note(self, phase: Phase | None, detail: str) -> Progress:
        """Where the pull is now; without a phase, or with an earlier one, it stays where it was."""
        if phase is not None and PHASES.index(phase) > PHASES.index(self._phase):
            self._phase = phase
        printable = "".join(letter for letter in detail[: 2 * LONGEST_DETAIL] if letter.isprintable())
        if not self._layers:
            return Progress(self._phase, printable[:LONGEST_DETAIL])
        completed = sum(completed for completed, _ in self._layers.values())
        total = sum(total for _, total in self._layers.values())
        fraction = math.floor(completed / total * 10_000) / 10_000 if total else 0.0  # 1 only when all is there
        self._fraction = max(fraction, self._fraction)
        return Progress(self._phase, printable[:LONGEST_DETAIL], completed, total, self._fraction)

    def add(self, layer: str, completed: JSON, total: JSON) -> None:
        """What the backend tells of one layer; None is "not told". Raises BackendFailed where these are no sizes."""
        before = self._layers.get(layer, (0, 0))
        sizes = (max(self._size(completed), before[0]), max(self._size(total), before[1]))
        self._layers[layer] = (min(sizes), sizes[1])
        if len(self._layers) > MOST_LAYERS:
            raise self.nonsense()

    def nonsense(self) -> BackendFailed:
        return BackendFailed(f"{self._server} answered with something that is no progress of a pull.")

    def _size(self, value: JSON) -> int:
        if value is None:
            return 0
        if type(value) is not int or not 0 <= value < 2**53:
            raise self.nonsense()
        return value
