"""Takes the beginning that a caller put into the model's mouth off the front of its answer.

A conversation that ends with the assistant's words is to be continued. Some servers give those words out once more (the
runner of an Ollama does, where the model's own template is used), so that whoever puts the two together has them twice.
"""

from __future__ import annotations

from backend.dialects.chat import (
    ChatRequest,
    Completed,
    Event,
    Failed,
    Finished,
    StreamDecoder,
    TextDelta,
    ToolCallDelta,
)

PLAIN_COPY = 8
"""So many letters alike are no accident, whoever the server is."""


def without_echo(decoder: StreamDecoder, request: ChatRequest, least: int = PLAIN_COPY) -> StreamDecoder:
    """The decoder, or one that leaves out a copy of the request's last words, where those are the assistant's and at
    least so many letters long."""
    last = request.messages[-1] if request.messages else None
    if last is None or last.role != "assistant" or last.tool_calls or len(last.text) < least:
        return decoder
    return _WithoutEcho(decoder, last.text)


class _WithoutEcho:
    """Holds an answer back as long as it may still be a copy. Only a whole and exact one is left out."""

    def __init__(self, decoder: StreamDecoder, words: str) -> None:
        self._decoder, self._words = decoder, words
        self._held: dict[int, list[TextDelta]] = {}
        self._alike: dict[int, int] = {}
        self._begun: set[int] = set()

    def begin(self, content_type: str) -> None:
        self._decoder.begin(content_type)

    def feed(self, data: bytes) -> list[Event]:
        return self._new(self._decoder.feed(data))

    def end(self, is_framed: bool = True) -> list[Event]:
        return self._new(self._decoder.end(is_framed))

    def _new(self, events: list[Event]) -> list[Event]:
        new: list[Event] = []
        for event in events:
            if isinstance(event, TextDelta) and event.choice not in self._begun:
                self._compare(event, new)
                continue
            if isinstance(event, (Finished, ToolCallDelta)):
                self._release(event.choice, new)
            elif isinstance(event, (Completed, Failed)):
                for choice in list(self._held):
                    self._release(choice, new)
            new.append(event)
        return new

    def _compare(self, delta: TextDelta, out: list[Event]) -> None:
        alike = self._alike.get(delta.choice, 0)
        missing = len(self._words) - alike
        self._held.setdefault(delta.choice, []).append(delta)
        self._alike[delta.choice] = alike + len(delta.text)
        if not self._words.startswith(delta.text[:missing], alike):
            self._release(delta.choice, out)
        elif len(delta.text) >= missing:
            del self._held[delta.choice]
            self._begun.add(delta.choice)
            if rest := delta.text[missing:]:
                out.append(TextDelta(rest, delta.choice, delta.logprobs))

    def _release(self, choice: int, out: list[Event]) -> None:
        """It is no copy."""
        self._begun.add(choice)
        out += self._held.pop(choice, [])
