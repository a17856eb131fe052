"""What a model's maker says of it: the languages it speaks, and how its words should be picked.

From the file where that says it (`general.languages`, `general.sampling.*`), else from the maker's card.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from backend.engine.gguf import Header


@dataclass(frozen=True, slots=True)
class Maker:
    """`languages` are ISO 639 codes, empty where nobody told. `sampling` has the gateway's own names."""

    languages: tuple[str, ...] = ()
    sampling: Mapping[str, float] = field(default_factory=dict)


SMOLLM2 = Maker(("en",), {"temperature": 0.2, "top_p": 0.9})
"""https://huggingface.co/HuggingFaceTB/SmolLM2-135M-Instruct; the cards of its larger sisters say the same."""
CARDS = {"smollm2": SMOLLM2}
DEMO = Maker(("en", "fr"), {"temperature": 0.0})
"""tools/demo_model/README.md. Any other temperature breaks the sentences that it knows by heart."""
_NAMES = {
    "temp": "temperature",
    "top_k": "top_k",
    "top_p": "top_p",
    "min_p": "min_p",
    "penalty_repeat": "repeat_penalty",
}
_MOST = {"temperature": 2.0, "top_k": 1e6, "top_p": 1.0, "min_p": 1.0, "repeat_penalty": 10.0}
_MOST_LANGUAGES, _LONGEST_CODE = 64, 16


def maker_of(header: Header) -> Maker:
    card = CARDS.get((header.text("general.basename") or "").lower(), Maker())
    return Maker(_languages(header) or card.languages, _sampling(header) or card.sampling)


def _languages(header: Header) -> tuple[str, ...]:
    told = header.words("general.languages")[:_MOST_LANGUAGES]
    codes = (code.lower() for code in told if len(code) <= _LONGEST_CODE and code.isascii() and code.isprintable())
    return tuple(dict.fromkeys(codes))


def _sampling(header: Header) -> dict[str, float]:
    """A file may claim anything; what is out of bounds is left out. Its numbers are of 32 bits: 0.9 is 0.89999998."""
    told = ((name, header.number(f"general.sampling.{key}")) for key, name in _NAMES.items())
    return {name: _plain(name, value) for name, value in told if value is not None and 0 <= value <= _MOST[name]}


def _plain(name: str, value: float) -> float:
    return int(value) if name == "top_k" else round(value, 4)
