"""A client of the gateway that sees bytes and can leave at any moment."""

from __future__ import annotations

import http.client
import json
import socket
import struct
from collections.abc import Callable
from time import monotonic
from typing import Any

from tests.running_gateway import RunningGateway

CHAT = "/v1/chat/completions"
DEADLINE_S = 10


def chat_body(stream: bool, **more: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": "Hello"}], "stream": stream, **more}


MORE_HEADERS: dict[str, str] = {}
"""Sent with every request: one that the hot lane does not take makes it Flask's."""


class Wire:
    """One connection to the gateway."""

    def __init__(self, gateway: RunningGateway) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=DEADLINE_S)
        self.response: http.client.HTTPResponse | None = None

    def connect(self) -> None:
        self._connection.connect()

    def send(self, path: str, body: object, **headers: str) -> None:
        data = json.dumps(body).encode()
        self._connection.request("POST", path, data, {"Content-Type": "application/json", **MORE_HEADERS, **headers})

    def answer(self) -> http.client.HTTPResponse:
        """The answer to bytes that were sent over `socket`."""
        self.response = http.client.HTTPResponse(self.socket, method="POST")
        self.response.begin()
        return self.response

    def head(self) -> http.client.HTTPResponse:
        self.response = self._connection.getresponse()
        return self.response

    def ask(self, path: str, body: object, **headers: str) -> http.client.HTTPResponse:
        self.send(path, body, **headers)
        return self.head()

    def line(self) -> bytes:
        """The next line of the body that is not empty; b"" at its end."""
        assert self.response is not None
        while line := self.response.readline():
            if line.strip():
                return line.strip()
        return b""

    def rest(self) -> bytes:
        assert self.response is not None
        return self.response.read()

    @property
    def socket(self) -> socket.socket:
        assert self._connection.sock is not None
        return self._connection.sock

    def leave(self, with_reset: bool = False) -> float:
        """Close at once; the time of it."""
        line = self.socket
        if with_reset:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        now = monotonic()
        if self.response is not None:
            self.response.close()
        self._connection.close()
        line.close()
        return now

    def close(self) -> None:
        if self.response is not None:
            self.response.close()
        self._connection.close()


def events(body: bytes) -> list[Any]:
    """The `data:` of each event: JSON, or the text [DONE]. Fails on anything else but comments."""
    found = []
    for block in body.split(b"\n\n"):
        lines = [line for line in block.split(b"\n") if line and not line.startswith(b":")]
        for line in lines:
            assert line.startswith(b"data: "), line
            data = line[6:]
            found.append("[DONE]" if data == b"[DONE]" else json.loads(data))
    return found


def text_of(body: bytes) -> str:
    pieces = [
        choice["delta"].get("content") or ""
        for event in events(body)
        if event != "[DONE]"
        for choice in event.get("choices", ())
    ]
    return "".join(pieces)


def wait_until(is_met: Callable[[], bool]) -> None:
    deadline = monotonic() + 5
    while not is_met():
        assert monotonic() < deadline, "it did not happen in time"
