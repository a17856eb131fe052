"""A GGUF at an address: what it is called, how large it is, whose terms it has. All that is known before it is fetched.

`https://…/NAME.gguf`, or `hf:owner/repository/file` for Hugging Face's hub, whose answers carry the file's SHA-256.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from backend.download.web import Interrupted, Reply, Web, checked
from backend.engine.gguf import read_beginning
from backend.engine.gguf_cursor import NotGGUF, Value
from backend.errors import DownloadFailed

HUB = "https://huggingface.co"
LOOK_BYTES = 64 * 1024
LONGEST_ANSWER = 4 * 1024 * 1024
LARGEST_FILE = 2**43
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,190}\.gguf", re.ASCII)
_REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}/[A-Za-z0-9][A-Za-z0-9._-]{0,95}", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_RANGE = re.compile(r"bytes (\d{1,15})-(\d{1,15})/(\d{1,15})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a file lies, before anybody has asked. `file` is its name here, `repository` the hub's owner/name."""

    address: str
    file: str
    repository: str | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """What the server told. `validator` (a strong ETag or a date) tells whether the file is still the same;
    `sha256` is in hexadecimal; None is "not told". `title` and `license` are what the file, or the hub, says."""

    place: Place
    size_bytes: int
    sha256: str | None
    validator: str | None
    title: str | None
    license: str | None


def place_of(address: str, hub: str = HUB) -> Place:
    """Raises DownloadFailed for what is no address of a GGUF."""
    if address.startswith("hf:"):
        return _place_on_hub(address[3:], hub)
    checked(address)
    return Place(address, _file_name(unquote(urlsplit(address).path)))


def _place_on_hub(path: str, hub: str) -> Place:
    owner, _, rest = path.partition("/")
    name, _, file = rest.partition("/")
    repository = f"{owner}/{name}"
    if not _REPOSITORY.fullmatch(repository) or ".." in path:
        raise DownloadFailed("A file of the hub is written hf:owner/repository/file.gguf.", "download_refused")
    return Place(f"{hub}/{repository}/resolve/main/{quote(file)}", _file_name(file), repository)


def _file_name(path: str) -> str:
    name = path.rpartition("/")[2]
    if not _FILE.fullmatch(name):
        raise DownloadFailed(
            "The address does not end in the name of a GGUF file (letters, digits, and . _ + -).", "download_refused"
        )
    return name


def look(web: Web, place: Place, sha256: str | None = None, hub: str = HUB) -> Source:
    """Read the first 64 KiB. `sha256` is what the caller knows; the server's own must be the same.

    Raises DownloadFailed where it is no GGUF, or where its size is not told.
    """
    host = urlsplit(place.address).hostname
    try:
        with web.get(place.address, {"Range": f"bytes=0-{LOOK_BYTES - 1}"}) as reply:
            size, told = size_of(reply), _digest(reply, is_hub=place.repository is not None)
            beginning = _read(reply, LOOK_BYTES)
        values = _values(beginning, place.file)
        license = _text(values, "general.license") or _license_on_hub(web, place, hub)
    except Interrupted as fault:
        raise DownloadFailed(f"{host} cannot be asked: {fault}.") from fault
    if sha256 and told and sha256 != told:
        raise DownloadFailed(f"{host} says that the SHA-256 of {place.file} is {told}, which is another one.")
    validator = validator_of(reply)
    return Source(place, size, sha256 or told, validator, _text(values, "general.name"), license)


def size_of(reply: Reply) -> int:
    """The size of the whole file. Raises DownloadFailed where the server keeps it to itself, or encodes the file."""
    coding = reply.fields.get("content-encoding", "identity")
    if reply.status == 206:
        match = _RANGE.fullmatch(reply.fields.get("content-range", ""))
        size = int(match[3]) if match else 0
    else:
        length = reply.fields.get("content-length", "")
        size = int(length) if length.isascii() and length.isdigit() and len(length) < 16 else 0
    if not 0 < size < LARGEST_FILE or coding != "identity":
        raise DownloadFailed(f"{reply.host} does not say how large the file is, so nothing is fetched from it.")
    return size


def begins_at(reply: Reply) -> int:
    """Where in the file the reply's body begins."""
    match = _RANGE.fullmatch(reply.fields.get("content-range", "")) if reply.status == 206 else None
    return int(match[1]) if match else 0


def validator_of(reply: Reply) -> str | None:
    etag = reply.fields.get("etag", "")
    validator = etag if etag.startswith('"') else reply.fields.get("last-modified", "")
    return validator if 0 < len(validator) <= 300 and validator.isascii() and validator.isprintable() else None


def _digest(reply: Reply, is_hub: bool) -> str | None:
    """RFC 9530's Repr-Digest of whoever gives the file, or what the hub calls the ETag of a linked file."""
    match = re.search(r"(?:^|,)\s*sha-256=:([A-Za-z0-9+/=]{44}):", reply.fields.get("repr-digest", ""))
    if match:
        return b64decode(match[1]).hex()
    linked = [fields["x-linked-etag"].strip('"') for fields in reply.told if "x-linked-etag" in fields]
    return next((etag for etag in linked if is_hub and _SHA256.fullmatch(etag)), None)


def _read(reply: Reply, most: int) -> bytes:
    pieces = bytearray()
    while len(pieces) < most and (piece := reply.read(most - len(pieces))):
        pieces += piece
    return bytes(pieces)


def _values(beginning: bytes, file: str) -> dict[str, Value]:
    try:
        return read_beginning(beginning)
    except NotGGUF as fault:
        raise DownloadFailed(f"What lies there as {file} {fault}.") from fault


def _text(values: Mapping[str, Value], key: str) -> str | None:
    value = values.get(key)
    return value[:100] if isinstance(value, str) and value and value.isprintable() else None


def _license_on_hub(web: Web, place: Place, hub: str) -> str | None:
    """From the model card; older files do not say it themselves."""
    if place.repository is None:
        return None
    try:
        with web.get(f"{hub}/api/models/{place.repository}") as reply:
            card: Any = json.loads(_read(reply, LONGEST_ANSWER))
        return _text(card.get("cardData") or {}, "license")
    except (DownloadFailed, ValueError, AttributeError):
        return None
