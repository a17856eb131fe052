"""Stop texts that are found in an answer, however its pieces are cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.dialects.chat import Completed, Event, Finished, ReasoningDelta, Started, TextDelta, ToolCallDelta, Usage
from backend.dialects.stop_text import NamedStops


class Scripted:
    """A decoder that gives these events, one with each byte."""

    def __init__(self, *events: Event) -> None:
        self._events = list(events)

    def begin(self, content_type: str) -> None:
        """Nothing depends on it."""

    def feed(self, data: bytes) -> list[Event]:
        return [self._events.pop(0) for _ in range(min(len(data), len(self._events)))]

    def end(self, is_framed: bool = True) -> list[Event]:
        return self.feed(b"." * len(self._events))


def heard(stops: list[str], *events: Event) -> list[Event]:
    """What comes of these events, one by one."""
    decoder = NamedStops(Scripted(*events), stops)
    decoder.begin("text/event-stream")
    found = [event for _ in events for event in decoder.feed(b".")]
    assert decoder.end() == []
    return found


def said(events: list[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


END: list[Event] = [Finished("stop"), Usage(3, 2), Completed()]


@pytest.mark.parametrize(
    ("pieces", "stops", "before", "stop"),
    [
        (["one two three"], ["two"], "one ", "two"),
        (["one t", "w", "o three"], ["two"], "one ", "two"),
        (["ttw", "o"], ["two"], "t", "two"),
        (["two"], ["two"], "", "two"),
        (["a\n", "\nb"], ["\n\n"], "a", "\n\n"),
        (["abcd"], ["cd", "b"], "a", "b"),
        (["abcd"], ["abcd", "bc"], "a", "bc"),
        (["é✓", "✓é"], ["✓✓"], "é", "✓✓"),
        (["aab"], ["ab"], "a", "ab"),
        (["abc"], ["c", "bc"], "a", "bc"),
    ],
)
def test_an_answer_ends_before_the_stop_text_that_is_complete_first(
    pieces: list[str], stops: list[str], before: str, stop: str
) -> None:
    events = heard(stops, Started(), *map(TextDelta, pieces), TextDelta("more"), *END)

    assert said(events) == before
    assert events[-2:] == [Finished("stop", stop_text=stop), Completed(is_cut=True)]
    assert not any(isinstance(event, Usage) for event in events)


def test_what_only_begins_like_a_stop_text_is_text() -> None:
    events = heard(["stop!"], TextDelta("please sto"), TextDelta("p"), *END)

    assert said(events) == "please stop"
    assert events[-3:] == END


def test_a_stop_text_does_not_reach_over_a_call_or_thinking() -> None:
    call = ToolCallDelta(0, "{}", "a", "f")
    thought = ReasoningDelta("stop")

    events = heard(["stop"], thought, TextDelta("st"), call, TextDelta("op"), *END)

    assert events == [thought, TextDelta("st"), call, TextDelta("op"), *END]


@given(st.text("ab", max_size=12), st.lists(st.text("ab", min_size=1, max_size=4), min_size=1, max_size=3), st.data())
def test_pieces_make_no_difference(text: str, stops: list[str], data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    pieces = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    ends = [text.index(stop) + len(stop) for stop in stops if stop in text]

    events = heard(stops, *map(TextDelta, pieces), *END)

    found = next(event for event in events if isinstance(event, Finished)).stop_text
    if ends:
        assert found is not None
        assert said(events) + found == text[: min(ends)]
    else:
        assert (said(events), found) == (text, None)
