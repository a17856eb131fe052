"""What the engine's tests share: a load of the demo model, a client for the child, and waiting with a deadline."""

from __future__ import annotations

import http.client
import json
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Any

from backend.engine.folder import DEMO_PATH
from backend.engine.keeper import Address, Load

DEADLINE_S = 30.0


def load_of(path: Path = DEMO_PATH, model: str = "demo") -> Load:
    return Load(path, model, context=1024, parallel=2, size_bytes=path.stat().st_size)


def eventually(is_met: Callable[[], bool], within_s: float = DEADLINE_S) -> bool:
    """Whether a condition outside of this process came true in time."""
    end = monotonic() + within_s
    pause = Event()
    while not is_met():
        if monotonic() > end:
            return False
        pause.wait(0.005)
    return True


def is_running(process_id: int) -> bool:
    """Whether a process, not our child, is alive: a zombie is not."""
    try:
        state = Path(f"/proc/{process_id}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    except ProcessLookupError:
        return False
    return state != "Z" or os.getpid() == process_id


def ask(
    port: int, path: str, body: Any = None, key: str | None = None, method: str | None = None, **headers: str
) -> tuple[int, dict[str, str], Any]:
    """Status, headers (names in lower case) and JSON of one request to a child."""
    if key:
        headers["Authorization"] = f"Bearer {key}"
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE_S)
    try:
        connection.request(method or ("POST" if body else "GET"), path, json.dumps(body) if body else None, headers)
        response = connection.getresponse()
        text = response.read()
        fields = {name.lower(): value for name, value in response.getheaders()}
        return response.status, fields, json.loads(text) if text else None
    finally:
        connection.close()


@contextmanager
def long_stream(address: Address) -> Iterator[socket.socket]:
    """A stream of many tokens whose first bytes have arrived; closing the socket abandons it."""
    body = json.dumps(
        {
            "messages": [{"role": "user", "content": "tell me a story"}],
            "stream": True,
            "temperature": 1,
            "ignore_eos": True,
            "max_tokens": 1000,
        }
    ).encode()
    head = (
        "POST /v1/chat/completions HTTP/1.1\r\nHost: engine\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {address.key}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", address.port), timeout=DEADLINE_S) as connection:
        connection.sendall(head.encode() + body)
        yield connection
