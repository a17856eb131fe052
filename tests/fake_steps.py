"""What a scripted answer is made of: one small step after another, and the seeded faults built from them."""

from __future__ import annotations

import asyncio
import json
import random
import socket
import struct
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Protocol

Body = bytes | str | Mapping[str, Any] | list[Any]


class ClientLeft(Exception):
    """The client closed its end: nobody is there to answer."""


class Answer(Protocol):
    """What a step may do to the connection that it plays on."""

    writer: asyncio.StreamWriter
    has_head: bool
    has_ended: bool
    must_close: bool

    async def head(self, code: int, headers: Mapping[str, str], is_chunked: bool) -> None: ...

    async def framed(self, data: bytes) -> None: ...

    async def raw(self, data: bytes) -> None: ...

    async def end(self) -> None: ...

    async def wait(self, seconds: float | None) -> None:
        """Let time pass (None: without end); raises ClientLeft as soon as the client closes."""

    async def wait_for(self, event: threading.Event) -> None: ...


class Step(Protocol):
    async def play(self, answer: Answer) -> None: ...


@dataclass(frozen=True)
class Status:
    """A whole answer with a content-length. A dict or a list becomes JSON."""

    code: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Body = b""

    async def play(self, answer: Answer) -> None:
        body, media_type = _encoded(self.body)
        headers = {"content-type": media_type, "content-length": str(len(body)), **self.headers}
        await answer.head(self.code, headers, False)
        await answer.framed(body)
        answer.has_ended = True


@dataclass(frozen=True)
class Head:
    """The head alone. With `chunked=False` and no content-length of yours, the body ends with the connection."""

    code: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    chunked: bool = True

    async def play(self, answer: Answer) -> None:
        await answer.head(self.code, self.headers, self.chunked)


@dataclass(frozen=True)
class Bytes:
    """Part of the body, in one chunk (as it is, where the body is not chunked)."""

    data: bytes

    async def play(self, answer: Answer) -> None:
        await answer.framed(self.data)


@dataclass(frozen=True)
class Chunks:
    """Parts of the body, a chunk and a write each."""

    parts: Sequence[bytes]
    pause_s: float = 0.0

    async def play(self, answer: Answer) -> None:
        for part in self.parts:
            await answer.framed(part)
            await answer.wait(self.pause_s)


@dataclass(frozen=True)
class RawBytes:
    """Bytes on the wire, outside any framing; as a first step nothing is sent before them."""

    data: bytes

    async def play(self, answer: Answer) -> None:
        await answer.raw(self.data)


@dataclass(frozen=True)
class Pause:
    seconds: float

    async def play(self, answer: Answer) -> None:
        await answer.wait(self.seconds)


@dataclass(frozen=True)
class WaitFor:
    """Go on once the test has set the event."""

    event: threading.Event

    async def play(self, answer: Answer) -> None:
        await answer.wait_for(self.event)


@dataclass(frozen=True)
class Do:
    """Something that happens at this point: the server's own state changes."""

    action: Callable[[], object]

    async def play(self, answer: Answer) -> None:
        self.action()


@dataclass(frozen=True)
class UntilClientLeaves:
    """Say nothing until the client closes; steps after it are not played."""

    async def play(self, answer: Answer) -> None:
        await answer.wait(None)


@dataclass(frozen=True)
class Hang(UntilClientLeaves):
    """A server that is stuck: the same silence, by its name in the fault vocabulary."""


@dataclass(frozen=True)
class Reset:
    """Break the connection with an RST."""

    async def play(self, answer: Answer) -> None:
        line = answer.writer.get_extra_info("socket")
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        answer.writer.transport.abort()
        answer.has_ended = answer.must_close = True


@dataclass(frozen=True)
class Fin:
    """Close the connection in good order, without the terminator of the body."""

    async def play(self, answer: Answer) -> None:
        answer.writer.close()
        answer.has_ended = answer.must_close = True


@dataclass(frozen=True)
class End:
    """The proper end of the body. A script that runs out ends so too."""

    async def play(self, answer: Answer) -> None:
        await answer.end()


def _encoded(body: Body) -> tuple[bytes, str]:
    if isinstance(body, bytes):
        return body, "text/plain; charset=utf-8"
    if isinstance(body, str):
        return body.encode(), "text/plain; charset=utf-8"
    return json.dumps(body, ensure_ascii=False).encode(), "application/json; charset=utf-8"


def reason(code: int) -> str:
    try:
        return HTTPStatus(code).phrase
    except ValueError:
        return "Whatever"


# -- faults -------------------------------------------------------------------------------------

FAULTS = ("ok", "error", "flaky", "hang", "slow", "drop_mid_stream", "malformed", "slicer")


def fault(name: str, content_type: str, events: Sequence[bytes], seed: int = 0) -> tuple[Step, ...]:
    """The steps of one answer that goes wrong in a known way; the same seed goes wrong in the same place.

    `events` are the whole events of a good stream. "flaky" is "error" or "ok", by the seed.
    """
    dice = random.Random(f"{name}/{seed}")
    head = Head(200, {"content-type": content_type})
    whole = b"".join(events)
    match name:
        case "ok":
            return (head, Chunks(events), End())
        case "error":
            return (Status(dice.choice((500, 502, 503)), body={"error": "the fake backend was told to fail"}),)
        case "flaky":
            return fault(dice.choice(("error", "ok")), content_type, events, seed)
        case "hang":
            return (Hang(),) if dice.random() < 0.5 else (head, Chunks(events[: dice.randrange(len(events))]), Hang())
        case "slow":
            return (head, *_spaced(events, dice), End())
        case "drop_mid_stream":
            return (head, Bytes(whole[: dice.randrange(1, len(whole))]), dice.choice((Reset(), Fin())))
        case "malformed":
            place = dice.randrange(len(events))
            garbage = dice.choice((b'data: {"choices": [}\n\n', b'{"done": fals\n', b"\xff\xfe\x00\n\n", b"<html>\n\n"))
            return (head, Chunks([*events[:place], garbage, *events[place + 1 :]]), End())
        case "slicer":
            return (head, Chunks(sliced(whole, dice)), End())
    raise ValueError(f"{name} is not one of {', '.join(FAULTS)}")


def sliced(data: bytes, dice: random.Random) -> list[bytes]:
    """The same bytes, cut at random places: in the middle of lines, escapes and UTF-8 characters."""
    cuts = sorted(dice.sample(range(1, len(data)), k=min(len(data) - 1, 1 + len(data) // 12))) if len(data) > 1 else []
    return [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]


def _spaced(events: Iterable[bytes], dice: random.Random) -> Iterable[Step]:
    for event in events:
        yield Pause(dice.uniform(0.005, 0.02))
        yield Bytes(event)
