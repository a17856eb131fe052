from __future__ import annotations

from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.dialects.framing import LIMIT, FramingError, LineReader, SSEReader, SSEvent
from tests.dialects.upstream_cases import each_byte

SSE_CASES = [
    ("one event", b"data: {}\n\n", [b"{}"]),
    ("two events", b"data: 1\n\ndata: 2\n\n", [b"1", b"2"]),
    ("no space", b"data:1\n\n", [b"1"]),
    ("one space is the field's, more are data", b"data:  1\n\n", [b" 1"]),
    ("carriage returns and newlines", b"data: 1\r\n\r\ndata: 2\r\n\r\n", [b"1", b"2"]),
    ("carriage returns", b"data: 1\r\rdata: 2\r\r", [b"1", b"2"]),
    ("a mix of line ends", b"data: 1\r\n\ndata: 2\n\rdata: 3\r\r\n", [b"1", b"2", b"3"]),
    ("lines are joined", b"data: a\ndata: b\ndata:\n\n", [b"a\nb\n"]),
    ("lines are joined across line ends", b"data: a\r\ndata: b\rdata: c\n\n", [b"a\nb\nc"]),
    ("comments", b": ping\n\n:\n\ndata: 1\n: in between\n\n", [b"1"]),
    ("id and retry", b"id: 7\nretry: 10\ndata: 1\n\nid: 8\n\n", [b"1"]),
    ("an event without data", b"event: ping\n\ndata: 1\n\n", [b"1"]),
    ("empty data", b"data: \n\ndata:\n\ndata\n\ndata: 1\n\n", [b"1"]),
    ("empty data between others", b"data: 1\n\ndata: \n\ndata: 2\n\n", [b"1", b"2"]),
    ("blank lines", b"\n\n\ndata: 1\n\n\n\n", [b"1"]),
    ("a byte order mark", b"\xef\xbb\xbfdata: 1\n\n", [b"1"]),
    ("a mark that is no mark", b"\xef\xbbdata: 1\n\ndata: 2\n\n", [b"2"]),
    ("a second mark is no mark", b"data: 1\n\n\xef\xbb\xbfdata: 2\n\n", [b"1"]),
    ("a field that only begins with data", b"database: 1\ndata: 2\n\n", [b"2"]),
    ("not ended", b"data: 1\n\ndata: 2\n", [b"1"]),
    ("a colon in the data", b'data: {"a":1}\n\n', [b'{"a":1}']),
    ("several events of one line, then of two", b"data: 1\n\ndata: 2\ndata: 3\n\n", [b"1", b"2\n3"]),
    ("a carriage return within a line ends it", b"data: 1\rdata: 2\n\n", [b"1\n2"]),
]
LINE_CASES = [
    ("one line", b"{}\n", [b"{}"]),
    ("two lines", b"1\n2\n", [b"1", b"2"]),
    ("carriage returns", b"1\r\n2\r\n", [b"1", b"2"]),
    ("blank lines", b"\n\r\n 1 \n\n", [b"1"]),
    ("not ended", b"1\n2", [b"1"]),
    ("nothing", b"", []),
]


def _named(cases: list[tuple[str, bytes, list[bytes]]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(("body", "events"), [case[1:] for case in cases], ids=[case[0] for case in cases])


@_named(SSE_CASES)
def test_server_sent_events_are_the_same_however_they_are_cut(body: bytes, events: list[bytes]) -> None:
    assert SSEReader().feed(body) == events
    assert [event for piece in _fed(SSEReader(), each_byte(body)) for event in piece] == events
    for cut in range(len(body)):
        reader = SSEReader()
        assert reader.feed(body[:cut]) + reader.feed(body[cut:]) == events


@_named(LINE_CASES)
def test_lines_are_the_same_however_they_are_cut(body: bytes, events: list[bytes]) -> None:
    assert LineReader().feed(body) == events
    assert [line for piece in _fed(LineReader(), each_byte(body)) for line in piece] == events
    for cut in range(len(body)):
        reader = LineReader()
        assert reader.feed(body[:cut]) + reader.feed(body[cut:]) == events


def _fed(reader: SSEReader | LineReader, pieces: list[bytes]) -> list[list[bytes]]:
    return [reader.feed(piece) for piece in pieces]


def _feed(reader: SSEReader | LineReader, pieces: list[bytes], into: list[bytes]) -> None:
    for piece in pieces:
        into += reader.feed(piece)


def test_an_event_comes_as_soon_as_its_blank_line_is_there() -> None:
    reader = SSEReader()

    assert reader.feed(b"data: 1\r\n\r") == [b"1"]
    assert reader.feed(b"\ndata: 2\n\n") == [b"2"]


def test_the_usual_feed_after_a_begun_event_belongs_to_it() -> None:
    reader = SSEReader()

    assert reader.feed(b"data: 1\n") == []
    assert reader.feed(b"data: 2\n\n") == [b"1\n2"]


def test_an_event_keeps_its_name_and_the_next_one_has_none() -> None:
    events = SSEReader().feed(b"event: error\ndata: 1\n\ndata: 2\n\nevent: message\ndata: 3\n\n")

    assert events == [b"1", b"2", b"3"]
    assert isinstance(events[0], SSEvent)
    assert events[0].name == "error"
    assert [type(event) for event in events[1:]] == [bytes, bytes]


def test_a_name_that_was_fed_before_its_data_is_kept() -> None:
    reader = SSEReader()
    reader.feed(b"event: error\n")

    (event,) = reader.feed(b"data: 1\n\n")

    assert isinstance(event, SSEvent)


@pytest.mark.parametrize(
    ("body", "last"),
    [(b"data: 1", b"1"), (b"data: 1\ndata: 2\n", b"1\n2"), (b"data: 1\n\n", None), (b": ping", None), (b"dat", None)],
)
def test_the_end_tells_what_was_begun(body: bytes, last: bytes | None) -> None:
    reader = SSEReader()
    reader.feed(body)

    assert reader.end() == last


def test_the_end_of_lines_tells_what_was_begun() -> None:
    reader = LineReader()
    assert reader.feed(b"1\n2") == [b"1"]

    assert reader.end() == b"2"
    assert LineReader().end() is None


@pytest.mark.parametrize(
    "pieces",
    [
        [b"data: 1\n\ndata: " + b"x" * 100],
        [b"data: 1\n\ndata: " + b"x" * 100 + b"\n\n"],
        [b"data: 1\n\n", *[b"data: 12345678901234567890\n"] * 5],
        [b"data: 1\n\n", *[b"x"] * 100],
        [b"data: 1\n\n: " + b"x" * 100 + b"\n\n", b"x" * 100],
    ],
)
def test_an_event_over_the_limit_fails_and_those_before_it_are_told(pieces: list[bytes]) -> None:
    reader = SSEReader(limit=64)
    events: list[bytes] = []

    with pytest.raises(FramingError) as caught:
        _feed(reader, pieces, events)

    assert events + caught.value.events == [b"1"]


def test_a_line_over_the_limit_fails_and_those_before_it_are_told() -> None:
    for pieces in ([b"1\n" + b"x" * 65], [b"1\n" + b"x" * 65 + b"\n"], [b"1\n", *[b"x"] * 65]):
        reader = LineReader(limit=64)
        lines: list[bytes] = []

        with pytest.raises(FramingError) as caught:
            _feed(reader, pieces, lines)

        assert lines + caught.value.events == [b"1"]


def test_an_event_of_just_under_the_limit_is_whole() -> None:
    data = b"x" * (LIMIT - 64)

    assert SSEReader().feed(b"data: " + data + b"\n\n") == [data]
    assert LineReader().feed(data + b"\n") == [data]


@pytest.mark.parametrize("body", [b"data: " + b"x" * 200_000 + b"\n\n", b"data: x\n" * 25_000 + b"\n", b"\n" * 200_000])
def test_a_body_that_drips_in_costs_no_more_than_its_length(body: bytes) -> None:
    """Two hundred thousand feeds of a byte would take minutes if each looked at what came before."""
    started = process_time()

    for reader in (SSEReader(), LineReader()):
        for piece in each_byte(body):
            reader.feed(piece)

    assert process_time() - started < 5


@given(
    st.lists(st.binary(max_size=40) | st.sampled_from([b"data: ", b"\n", b"\r", b"\r\n", b"\n\n", b"event: e", b":"]))
)
def test_any_bytes_give_the_same_events_whole_and_cut(pieces: list[bytes]) -> None:
    body = b"".join(pieces)
    whole, cut = SSEReader(), SSEReader()
    assert whole.feed(body) == [event for events in _fed(cut, pieces) for event in events]
    assert whole.end() == cut.end()

    lines, cut_lines = LineReader(), LineReader()
    assert lines.feed(body) == [line for found in _fed(cut_lines, pieces) for line in found]
    assert lines.end() == cut_lines.end()
