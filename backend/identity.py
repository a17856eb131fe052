"""Which backend something is, and how sentences speak of it: data, given to it and to whoever reads its answers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Identity:
    """One configured backend. Two of a kind differ in `id` and `title`.

    `id` is what headers, statistics and listings show. `kind` is "ollama", "lmstudio", "openai" or "embedded". `title`
    stands in the middle of a sentence ("the embedded engine"). `address_advice` and `key_advice` say what a person
    would change for a wrong address or key, `no_models` what to do about a backend that has none.
    """

    id: str
    kind: str
    title: str
    address_advice: str = "Check its address"
    key_advice: str = "Check its key"
    no_models: str = ""

    @property
    def subject(self) -> str:
        """The title, where it begins a sentence."""
        return self.title[:1].upper() + self.title[1:]
