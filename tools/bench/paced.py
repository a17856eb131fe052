"""An OpenAI-compatible server that streams a long answer at an even pace: what a fast model would do to the page.

    python paced.py PORT TOKENS_PER_SECOND

A question with "without code" in it gets an answer without code blocks.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from functools import cache

import long_answer

MODEL = {"id": "paced", "object": "model", "created": 1_795_000_000, "owned_by": "bench"}
LAST = "The end."  # what the page waits to see


@cache
def events(with_code: bool) -> list[bytes]:
    tokens = [*long_answer.pieces(with_code)[:-1], f"\n\n{LAST}"]
    chunks = [_chunk([{"index": 0, "delta": {"content": token}, "finish_reason": None}]) for token in tokens]
    finish = _chunk([{"index": 0, "delta": {}, "finish_reason": "stop"}])
    usage = {"prompt_tokens": 5, "completion_tokens": len(tokens), "total_tokens": len(tokens) + 5}
    return [*chunks, finish + _chunk([], usage=usage) + b"data: [DONE]\n\n"]


def _chunk(choices: list[object], **more: object) -> bytes:
    frame = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_795_000_000, "model": "paced"}
    return b"data: " + json.dumps({**frame, "choices": choices, **more}).encode() + b"\n\n"


class PacedServer:
    def __init__(self, tokens_per_second: float) -> None:
        self._interval_s = 1 / tokens_per_second

    async def serve(self, port: int) -> None:
        server = await asyncio.start_server(self._answer, "127.0.0.1", port)
        async with server:
            await server.serve_forever()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                body = await reader.readexactly(_length(head))
                if head.startswith("POST"):
                    await self._stream(writer, b"without code" not in body)
                else:
                    await _send_json(writer, {"object": "list", "data": [MODEL]})
        writer.close()

    async def _stream(self, writer: asyncio.StreamWriter, with_code: bool) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        async for event in self._paced(events(with_code)):
            writer.write(b"%x\r\n%b\r\n" % (len(event), event))
            await writer.drain()
        writer.write(b"0\r\n\r\n")
        await writer.drain()

    async def _paced(self, items: list[bytes]) -> AsyncIterator[bytes]:
        """Each at its moment; what is late is sent at once, and those after it are not late because of it."""
        clock = asyncio.get_running_loop().time
        begun = clock()
        for number, item in enumerate(items):
            if (early := begun + number * self._interval_s - clock()) > 0:
                await asyncio.sleep(early)
            yield item


def _length(head: str) -> int:
    for line in head.lower().split("\r\n"):
        if line.startswith("content-length:"):
            return int(line.partition(":")[2])
    return 0


async def _send_json(writer: asyncio.StreamWriter, value: object) -> None:
    body = json.dumps(value).encode()
    writer.write(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    )
    await writer.drain()


if __name__ == "__main__":
    asyncio.run(PacedServer(float(sys.argv[2])).serve(int(sys.argv[1])))
