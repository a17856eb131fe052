"""Connections that wait for their next request."""

from __future__ import annotations

import ssl
from collections import deque
from time import monotonic

from gevent.hub import get_hub
from httptools import HttpParserError

from backend.upstream.connection import Connection, TlsConnection
from backend.upstream.endpoint import Endpoint
from backend.upstream.reply import Reply

IDLE_LIFE_S = 4.0
"""LM Studio closes an idle connection after 5 s, so an older one may already be dead."""
MOST_IDLE = 256
"""For one endpoint: a burst leaves no more behind."""
SETTLE_S = 1.0
"""How long the end of a whole answer's framing may take."""


class IdleConnections:
    """The newest first; an old one is closed, never used."""

    def __init__(self) -> None:
        self._idle: dict[Endpoint, deque[Connection]] = {}
        self._settling: set[Connection] = set()
        self._tls: ssl.SSLContext | None = None

    def __repr__(self) -> str:
        waiting = sum(len(connections) for connections in self._idle.values())
        return f"<IdleConnections {waiting} of {len(self._idle)} endpoints>"

    def take(self, endpoint: Endpoint) -> Connection:
        """A live idle connection, or a new one that is not connected yet."""
        idle = self._idle.get(endpoint)
        while idle:
            connection = idle.pop()
            if monotonic() - connection.idle_since < IDLE_LIFE_S and connection.is_alive():
                connection.is_reused = True
                return connection
            connection.close()
        if not endpoint.is_tls:
            return Connection(endpoint)
        self._tls = self._tls or ssl.create_default_context()
        return TlsConnection(endpoint, self._tls)

    def give(self, connection: Connection) -> None:
        connection.pause()
        now = connection.idle_since = monotonic()
        idle = self._idle.setdefault(connection.endpoint, deque())
        while idle and (now - idle[0].idle_since >= IDLE_LIFE_S or len(idle) >= MOST_IDLE):
            idle.popleft().close()
        idle.append(connection)

    def close(self) -> None:
        """Close all that wait, for a request or for the end of an answer."""
        while self._settling:
            self._settling.pop().close()
        for idle in self._idle.values():
            while idle:
                idle.pop().close()

    def settle(self, connection: Connection, reply: Reply) -> None:
        """Take back a connection whose answer is known to be whole, though its framing may not have ended yet."""
        if reply.is_complete:
            self._keep_or_close(connection, reply)
            return
        patience = get_hub().loop.timer(SETTLE_S)

        def arrived(data: bytes) -> None:
            try:
                reply.feed(data)
            except HttpParserError:
                data = b""
            if reply.is_complete or not data:
                patience.close()
                self._settling.discard(connection)
                self._keep_or_close(connection, reply)

        def too_late() -> None:
            patience.close()
            self._settling.discard(connection)
            connection.close()

        self._settling.add(connection)
        patience.start(too_late)
        connection.listen(arrived)

    def _keep_or_close(self, connection: Connection, reply: Reply) -> None:
        if reply.keeps_connection:
            self.give(connection)
        else:
            connection.close()
