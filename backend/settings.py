"""One frozen `Settings`, read once from the environment and `.env`; every fault is reported in one message."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dotenv import dotenv_values

BACKENDS = ("auto", "ollama", "lmstudio", "openai", "embedded")
LOG_LEVELS = ("debug", "info", "warning", "error")
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:[0-9]{1,5})?", re.ASCII)
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://" + _HOST.pattern, re.ASCII)
ROOT = Path(__file__).resolve().parent.parent


class Secret(str):
    """A string that never shows: `repr` and `str` are blank, `reveal()` is the only way to the text."""

    def __repr__(self) -> str:
        return "Secret(…)"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self)

    def reveal(self) -> str:
        return str.__str__(self)


class SettingsError(Exception):
    """Some settings are wrong; the message names them all, a line each."""


def _text(value: str) -> str:
    return value


def _secret(value: str) -> Secret:
    if not value.isprintable() or not value.isascii():
        raise ValueError("must be printable ASCII")
    return Secret(value)


def _secrets(value: str) -> tuple[Secret, ...]:
    keys = tuple(_secret(part) for part in _list(value))
    if any(not 16 <= len(key) <= 512 or " " in key for key in keys):
        raise ValueError("wants keys of 16 to 512 characters without spaces, separated by commas")
    return keys


def _list(value: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in value.split(",") if part.strip())


def _one_of(names: tuple[str, ...]) -> Callable[[str], str]:
    def parse(value: str) -> str:
        if value.lower() not in names:
            raise ValueError("must be one of " + ", ".join(names))
        return value.lower()

    return parse


def _whole(low: int, high: int) -> Callable[[str], int]:
    def parse(value: str) -> int:
        if not value.isascii() or not value.isdigit() or not low <= int(value) <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return int(value)

    return parse


def _yes_or_no(value: str) -> bool:
    if value.lower() not in ("true", "false"):
        raise ValueError("must be true or false")
    return value.lower() == "true"


def _seconds(low: float, high: float) -> Callable[[str], float]:
    def parse(value: str) -> float:
        try:
            number = float(value)
        except ValueError:
            number = -1.0
        if not low <= number <= high:
            raise ValueError(f"must be seconds, from {low:g} to {high:g}")
        return number

    return parse


def _url(value: str) -> str:
    parts = urlsplit(value)
    try:
        is_usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_usable = False
    if not is_usable or parts.query or parts.fragment or parts.username or parts.password:
        raise ValueError("must be an address such as http://127.0.0.1:11434, without a query or a password")
    return value.rstrip("/")


def _origins(value: str) -> tuple[str, ...]:
    """Also those of programs that show web pages: app://obsidian.md, chrome-extension://abc…, vscode-webview://…"""
    origins = tuple(origin.lower() for origin in _list(value))
    if not all(_ORIGIN.fullmatch(origin) for origin in origins):
        raise ValueError(
            "wants whole origins such as http://localhost:3000 or app://obsidian.md, comma-separated (no *, no path)"
        )
    return origins


def _hosts(value: str) -> tuple[str, ...]:
    hosts = tuple(host.lower() for host in _list(value))
    if not all(_HOST.fullmatch(host) for host in hosts):
        raise ValueError("wants host names such as gpu.lab.example, separated by commas (no *, no http://)")
    return hosts


def _path(value: str) -> Path:
    path = Path(value).expanduser()
    return path if path.is_absolute() else ROOT / path


def _setting(default: str, parse: Callable[[str], Any], about: str) -> Any:
    """A dataclass field that knows its default as written in `.env`, its parser and its one line of help."""
    return field(metadata={"default": default, "parse": parse, "about": about})


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting, lower-cased name of its environment variable. Seconds end in `_s`."""

    host: str = _setting("127.0.0.1", _text, "address to listen on; any other than this machine's own needs API_KEYS")
    port: int = _setting("8089", _whole(1, 65535), "port to listen on")
    backend: str = _setting("auto", _one_of(BACKENDS), "auto, ollama, lmstudio, openai or embedded")
    ollama_url: str = _setting("http://127.0.0.1:11434", _url, "where Ollama listens")
    lmstudio_url: str = _setting("http://127.0.0.1:1234", _url, "where LM Studio listens")
    lmstudio_api_key: Secret = _setting("", _secret, "LM Studio's token, if it asks for one")
    openai_url: str = _setting("http://127.0.0.1:8000/v1", _url, "any OpenAI-compatible server, with its /v1")
    openai_api_key: Secret = _setting("", _secret, "the key of that server, if it asks for one")
    default_model: str = _setting("", _text, "model for requests that name none; empty: the first one that is loaded")
    models_dir: Path = _setting("models", _path, "folder with GGUF files for the embedded engine")
    engine_context: int = _setting(
        "4096", _whole(256, 1048576), "embedded engine: context of a conversation, in tokens"
    )
    engine_parallel: int = _setting("2", _whole(1, 64), "embedded engine: conversations answered at the same time")
    connect_timeout_s: float = _setting("3", _seconds(0.1, 60), "longest wait for a connection, seconds")
    idle_timeout_s: float = _setting("600", _seconds(0.2, 86400), "longest silence of the backend, seconds")
    heartbeat_s: float = _setting(
        "10", _seconds(0.1, 3600), "a silent stream shows a sign of life this often, in seconds"
    )
    max_body_mb: int = _setting("32", _whole(1, 1024), "largest request, in MiB")
    allowed_hosts: tuple[str, ...] = _setting("", _hosts, "further names of this gateway, comma-separated")
    cors_origins: tuple[str, ...] = _setting(
        "", _origins, "further pages that may call, as http://localhost:3000 or app://obsidian.md"
    )
    api_keys: tuple[Secret, ...] = _setting("", _secrets, "keys that callers must show, comma-separated; empty: none")
    manage_models: bool = _setting(
        "false", _yes_or_no, "true: callers may load, unload, pull and delete models of Ollama and LM Studio"
    )
    cloud_models: bool = _setting(
        "false", _yes_or_no, "true: callers may use Ollama's cloud models, to which their prompts are sent"
    )
    log_level: str = _setting("info", _one_of(LOG_LEVELS), "debug, info, warning or error")

    @classmethod
    def read(cls, environment: Mapping[str, str] | None = None, env_file: Path | None = ROOT / ".env") -> Settings:
        """Read the environment, then `.env`; the environment wins. Raises SettingsError naming every fault."""
        written = _env_file(env_file)
        environment = os.environ if environment is None else environment
        values: dict[str, Any] = {}
        faults: list[str] = []
        for setting in fields(cls):
            name = setting.name.upper()
            text = environment.get(name, written.get(name, "")).strip() or setting.metadata["default"]
            try:
                values[setting.name] = setting.metadata["parse"](text)
            except ValueError as fault:
                faults.append(f"{name} {fault}.")
        if not faults and not is_loopback(values["host"]) and not values["api_keys"]:
            faults.append("HOST is not this machine alone, so API_KEYS must hold a key (or set HOST=127.0.0.1).")
        if faults:
            raise SettingsError("\n".join(faults))
        return cls(**values)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address that we listen on."""
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _env_file(path: Path | None) -> dict[str, str]:
    if path is None or not path.is_file():
        return {}
    try:
        return {name: value for name, value in dotenv_values(path, interpolate=False).items() if value is not None}
    except (OSError, UnicodeDecodeError) as fault:
        raise SettingsError(f"{path.name} cannot be read: {fault}.") from fault
