"""The one record of an exchange that observers get, and the fan-out that keeps them harmless."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

log = logging.getLogger("passerelle")


@dataclass(frozen=True, slots=True)
class Exchange:
    """One client request with all that happened to it. Times in milliseconds; no prompt, no answer, no key.

    `outcome` is "ok", "aborted" (the client left) or "error"; `error_code` is a GatewayError's code. `is_counted` is
    False for what asks nothing of a model, `is_page_file` True for what the page is made of. `begun` is the model under
    which the exchange was announced; an attempt that came later may have asked for another.
    """

    request_id: str
    route: str
    method: str
    status: int
    outcome: str
    duration_ms: float
    model: str | None = None
    begun: str | None = None
    backend: str | None = None
    error_code: str | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    ttft_ms: float | None = None
    tokens_per_second: float | None = None
    is_stream: bool = False
    is_counted: bool = True
    is_page_file: bool = False


Observer = Callable[[Exchange], None]


class Observers:
    """Tells every observer; one that raises is counted and never reaches the stream."""

    def __init__(self, observers: Sequence[Observer], begin: Callable[[str], None] | None = None) -> None:
        """`begin` is told the model as soon as it is asked for."""
        self._observers = tuple(observers)
        self._begin = begin
        self.failures = 0

    def begin(self, model: str) -> None:
        if self._begin is not None:
            self._begin(model)

    def tell(self, exchange: Exchange) -> None:
        for observer in self._observers:
            try:
                observer(exchange)
            except Exception as error:  # the one place, beside the edge, that must survive anything
                self.failures += 1
                log.error("An observer failed with %s.", type(error).__name__)
