"""Where a backend listens, and the words for telling people when it does not."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from backend.settings import Secret

NO_KEY = Secret("")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where to connect. `authorization` is a whole header value; it never shows in a repr.

    `base_path` has no slash at its end: "" or "/v1" or "/openai/v1". `title` begins a sentence about the server, and
    `remedy` is one that says what to do when it does not answer.
    """

    host: str
    port: int
    is_tls: bool = False
    base_path: str = ""
    authorization: str = field(default="", repr=False)
    title: str = "The backend"
    remedy: str = "Start it, or correct its address in .env."

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.is_tls else 'http'}://{host}:{self.port}{self.base_path}"


@dataclass(frozen=True, slots=True)
class Server:
    """A server that somebody else runs, as `.env` names it.

    `title` begins a sentence, `setting` is the variable in `.env`, `start` says how to start the server.
    """

    title: str
    url: str
    setting: str
    start: str
    key_setting: str = ""
    key: Secret = NO_KEY
    connect_timeout_s: float = 3.0

    @property
    def authorization(self) -> str:
        return f"Bearer {self.key.reveal()}" if self.key else ""

    def endpoint(self) -> Endpoint:
        parts = urlsplit(self.url)
        is_tls = parts.scheme == "https"
        port = parts.port or (443 if is_tls else 80)
        return Endpoint(
            parts.hostname or "", port, is_tls, parts.path.rstrip("/"), self.authorization, self.title, self.remedy
        )

    @property
    def remedy(self) -> str:
        return f"{self.start}, or set {self.setting} in .env."
