"""How long a relay waits for what, and the word for a client that waits no longer."""

from __future__ import annotations

from dataclasses import dataclass


class ClientGone(Exception):
    """The client left; there is nobody to answer."""


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Seconds: for a connection, for a backend's silence, between two signs of life."""

    connect_s: float
    idle_s: float
    heartbeat_s: float
