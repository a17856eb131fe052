"""A file from an address into the models folder, in as many connections as it takes, and checked at the end."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import BinaryIO

from backend.dialects.progress import Progress
from backend.download.checksum import sha256_of
from backend.download.shelf import Shelf
from backend.download.source import Source, begins_at, size_of, validator_of
from backend.download.web import Interrupted, Web
from backend.engine.gguf import read_header
from backend.engine.gguf_cursor import NotGGUF
from backend.errors import DownloadFailed

PIECE = 256 * 1024
LEAST_STEP = 1024 * 1024
"""A connection that brought less counts as a failed one."""
ATTEMPTS = 5
PAUSES_S = (0.0, 1.0, 2.0, 5.0, 10.0)


class Transfer:
    """What has come stays in `.downloads`, with a note of what it is, until all of it is there."""

    def __init__(self, web: Web, source: Source, shelf: Shelf, pause: Callable[[float], None] = time.sleep) -> None:
        self._web, self._source, self._shelf, self._pause = web, source, shelf, pause
        self._path = shelf.arriving / source.place.file
        self._note = shelf.arriving / f"{source.place.file}.json"

    def run(self) -> Generator[Progress, None, None]:
        """Raises DownloadFailed, NoRoom. Closing it, or a failure on the way, keeps what has come."""
        with self._shelf.hold():
            if self._shelf.has(self._source.place.file):
                return
            self._begin()
            yield from self._fetch()
            yield from self._check()
            self._shelf.land(self._path, self._source.place.file)
            self._note.unlink()

    # -- what has come

    def _begin(self) -> None:
        """Go on with what is there if it is of the same file, else from the start."""
        if not self._is_same():
            self._path.unlink(missing_ok=True)
        self._shelf.want(self._source.size_bytes - self._come())
        self._note.write_text(json.dumps(self._described()), encoding="utf-8")

    def _is_same(self) -> bool:
        """Where neither a digest nor a validator is told, nobody could tell whether two halves fit."""
        if not self._source.sha256 and not self._source.validator:
            return False
        try:
            note = json.loads(self._note.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return False
        return bool(note == self._described()) and self._come() <= self._source.size_bytes

    def _described(self) -> dict[str, object]:
        source = self._source
        told = {"size": source.size_bytes, "sha256": source.sha256}
        return {"address": source.place.address, **told, "validator": None if source.sha256 else source.validator}

    def _come(self) -> int:
        return self._path.stat().st_size if self._path.exists() else 0

    # -- bytes

    def _fetch(self) -> Generator[Progress, None, None]:
        failed = 0
        while (before := self._come()) < self._source.size_bytes:
            yield self._progress(before)
            self._pause(PAUSES_S[failed])
            try:
                yield from self._connection()
                why = "it ended too early"
            except Interrupted as fault:
                why = str(fault)
            failed = failed + 1 if self._come() - before < LEAST_STEP else 0
            if failed == ATTEMPTS and self._come() < self._source.size_bytes:
                raise DownloadFailed(self._given_up(why))

    def _connection(self) -> Generator[Progress, None, None]:
        """One request, for what is missing. A server that gives all from the start instead is taken at its word."""
        come = self._come()
        fields = {"Range": f"bytes={come}-"} if come else {}
        if come and self._source.validator and not self._source.sha256:
            fields["If-Range"] = self._source.validator
        with self._web.get(self._source.place.address, fields) as reply, self._path.open("ab") as file:
            if size_of(reply) != self._source.size_bytes or self._is_other(validator_of(reply)):
                raise DownloadFailed(
                    f"{self._source.place.file} changes at {reply.host} while it is fetched: try again."
                )
            if begins_at(reply) != come:
                if begins_at(reply):
                    raise Interrupted("it sent another part than the one that was asked for")
                file.truncate(0)
            yield from self._copied(reply.read, file)

    def _is_other(self, validator: str | None) -> bool:
        return not self._source.sha256 and validator != self._source.validator

    def _copied(self, read: Callable[[int], bytes], file: BinaryIO) -> Generator[Progress, None, None]:
        come = os.fstat(file.fileno()).st_size
        while come < self._source.size_bytes and (piece := read(min(PIECE, self._source.size_bytes - come))):
            file.write(piece)
            file.flush()
            come += len(piece)
            yield self._progress(come)

    def _progress(self, come: int) -> Progress:
        size = self._source.size_bytes
        return Progress("downloading", self._source.place.file, come, size, int(come / size * 10_000) / 10_000)

    def _given_up(self, why: str) -> str:
        kept = f"{self._come() / 1e6:.0f} of {self._source.size_bytes / 1e6:.0f} MB"
        return f"The download broke off: {why}. {kept} are kept; the same command goes on from there."

    # -- the end

    def _check(self) -> Generator[Progress, None, None]:
        fault = yield from self._fault()
        if fault:
            self._path.unlink()
            self._note.unlink()
            raise DownloadFailed(f"{self._source.place.file} {fault}. Nothing of it was kept.")

    def _fault(self) -> Generator[Progress, None, str | None]:
        if self._source.sha256 and (yield from sha256_of(self._path)) != self._source.sha256:
            return "is not what was announced: its SHA-256 differs"
        return _damage(self._path)


def _damage(path: Path) -> str | None:
    """A server may be wrong about the length."""
    try:
        missing = read_header(path).file_bytes - path.stat().st_size
    except NotGGUF as fault:
        return str(fault)
    return f"is not whole: {missing} bytes are missing at its end" if missing > 0 else None
