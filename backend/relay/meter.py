"""Measures one exchange from the request to its end, and makes the record that observers get."""

from __future__ import annotations

from time import monotonic

from backend.dialects.chat import Event, Figures, PromptRead, ReasoningDelta, TextDelta, ToolCallDelta, Usage
from backend.observers.exchange import Exchange, Observers

DELTAS = frozenset((TextDelta, ReasoningDelta, ToolCallDelta))


class Meter:
    """Times of one exchange, as its client sees them."""

    def __init__(self, observers: Observers, request_id: str, method: str, route: str) -> None:
        self._observers: Observers | None = observers
        self._start = monotonic()
        self._first = self._last = 0.0
        self._deltas = 0
        self._usage: Usage | None = None
        self._prompt = PromptRead(0)
        self.request_id, self.method, self.route = request_id, method, route
        self.model: str | None = None
        self._begun: str | None = None
        self.backend: str | None = None
        self.is_stream = False
        self.is_counted = True
        self.is_page_file = False

    def unheard(self) -> Meter:
        """One for what is asked on the way, of which nobody is told."""
        return Meter(Observers(()), self.request_id, self.method, self.route)

    def begin(self, backend: str, model: str) -> None:
        """A backend is asked for this model; said again for each attempt."""
        self.backend, self.model = backend, model
        if self._begun is None and self._observers is not None:
            self._begun = model
            self._observers.begin(model)

    def note(self, event: Event) -> None:
        """An event is on its way to the client. Called once per token; a Usage gets our figures."""
        kind = type(event)
        if kind in DELTAS:
            self._last = monotonic()
            if not self._deltas:
                self._first = self._last
            self._deltas += 1
        elif kind is Usage:
            self._complete(event)  # type: ignore[arg-type]
        elif kind is PromptRead:
            self._prompt = event  # type: ignore[assignment]

    def missing_usage(self) -> Usage | None:
        """At the end of an answer: the count of what came, marked as an estimate, where the backend told none."""
        if self._usage is not None:
            return None
        prompt = self._prompt
        return Usage(prompt.tokens, self._deltas, prompt.cached_tokens, figures=Figures("", estimated=True))

    def elapsed_ms(self) -> float:
        """Since the request came."""
        return (monotonic() - self._start) * 1000

    @property
    def ttft_ms(self) -> float | None:
        return round((self._first - self._start) * 1000, 3) if self._deltas else None

    @property
    def tokens_per_second(self) -> float | None:
        """Tokens after the first ÷ time after the first: one token alone has no speed. Where the backend took longer by
        its own clock, which starts at the first token too, they came in a lump, and its measure holds."""
        tokens = self._usage.output_tokens if self._usage else self._deltas
        elapsed_ms = (self._last - self._first) * 1000 if self._deltas > 1 else 0.0
        eval_ms = self._usage.eval_ms if self._usage else None
        took_ms = max(elapsed_ms, eval_ms or 0.0)
        return round((tokens - 1) / took_ms * 1000, 2) if tokens > 1 and took_ms > 0 else None

    def _complete(self, usage: Usage) -> None:
        self._usage = usage
        usage.figures = Figures(
            backend=self.backend or "",
            ttft_ms=self.ttft_ms,
            tokens_per_second=self.tokens_per_second,
            load_ms=usage.load_ms,
            estimated=usage.figures is not None and usage.figures.estimated,
        )

    def end(self, outcome: str, status: int, error_code: str | None = None) -> None:
        """Tell the observers, once; later calls change nothing."""
        observers, self._observers = self._observers, None
        if observers is None:
            return
        observers.tell(
            Exchange(
                request_id=self.request_id,
                route=self.route,
                method=self.method,
                status=status,
                outcome=outcome,
                duration_ms=round(self.elapsed_ms(), 3),
                model=self.model,
                begun=self._begun,
                backend=self.backend,
                error_code=error_code,
                input_tokens=self._usage.input_tokens if self._usage else 0,
                output_tokens=self._usage.output_tokens if self._usage else self._deltas,
                ttft_ms=self.ttft_ms,
                tokens_per_second=self.tokens_per_second,
                is_stream=self.is_stream,
                is_counted=self.is_counted,
                is_page_file=self.is_page_file,
            )
        )
