"""Fetching a file against servers that cut, lie and change their minds."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from backend.dialects.progress import Progress
from backend.download.shelf import SPARE_BYTES, Shelf
from backend.download.source import Source, look, place_of
from backend.download.transfer import Transfer
from backend.download.web import Web
from backend.engine.folder import DEMO_PATH, Folder
from backend.errors import DownloadFailed, NoRoom
from tests.download.file_server import FileServer, Manner, judge

DATA = DEMO_PATH.read_bytes()
SHA256 = hashlib.sha256(DATA).hexdigest()
HALF = 1_500_000


@pytest.fixture
def server() -> Iterator[FileServer]:
    with FileServer({"/demo.gguf": DATA}) as server:
        yield server


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "models")


def source_of(server: FileServer, sha256: str | None = None) -> Source:
    source = look(Web(judge, server.trust), place_of(f"{server.url}/demo.gguf"), sha256)
    server.asked.clear()
    return source


def fetch(server: FileServer, shelf: Shelf, source: Source) -> list[Progress]:
    pauses: list[float] = []
    return list(Transfer(Web(judge, server.trust), source, shelf, pauses.append).run())


def ranges(server: FileServer) -> list[str | None]:
    return [asked.fields.get("range") for asked in server.asked]


def is_clean(shelf: Shelf) -> bool:
    """Nothing half done is left behind."""
    return [path.name for path in shelf.arriving.iterdir()] == ["lock"]


def test_a_file_arrives_whole_under_its_own_name(server: FileServer, shelf: Shelf) -> None:
    told = fetch(server, shelf, source_of(server, SHA256))

    assert (shelf.folder / "demo.gguf").read_bytes() == DATA
    assert is_clean(shelf)
    assert [file.id for file in Folder(shelf.folder).files()] == ["demo"]
    fractions = [progress.fraction or 0 for progress in told]
    assert fractions == sorted(fractions)
    assert (told[0].phase, told[-1].phase, told[-1].completed) == ("downloading", "verifying", len(DATA))


def test_what_is_there_already_is_not_fetched_again(server: FileServer, shelf: Shelf) -> None:
    source = source_of(server)
    fetch(server, shelf, source)
    server.asked.clear()

    assert fetch(server, shelf, source) == []
    assert not server.asked


@pytest.mark.parametrize("sha256", [None, SHA256])
def test_a_cut_transfer_goes_on_where_it_was(server: FileServer, shelf: Shelf, sha256: str | None) -> None:
    source = source_of(server, sha256)
    server.script = [Manner(cut_at=HALF), Manner(cut_at=1000)]

    fetch(server, shelf, source)

    assert ranges(server) == [None, f"bytes={HALF}-", f"bytes={HALF + 1000}-"]
    assert (shelf.folder / "demo.gguf").read_bytes() == DATA


def test_a_stopped_transfer_is_kept_and_the_next_one_goes_on(server: FileServer, shelf: Shelf) -> None:
    source = source_of(server)
    with closing(Transfer(Web(judge, server.trust), source, shelf).run()) as told:
        come = next(progress.completed for progress in told if (progress.completed or 0) > 500_000)
    server.asked.clear()
    assert not shelf.has("demo.gguf")

    fetch(server, shelf, source_of(server))

    assert ranges(server) == [f"bytes={come}-"]
    assert (shelf.folder / "demo.gguf").read_bytes() == DATA


def test_a_server_that_is_down_for_a_moment_is_asked_again(server: FileServer, shelf: Shelf) -> None:
    source = source_of(server)
    server.script = [Manner(503), Manner(429), Manner(cut_at=0)]

    fetch(server, shelf, source)

    assert len(server.asked) == 4


def test_a_server_that_stays_down_is_given_up_and_what_came_is_kept(server: FileServer, shelf: Shelf) -> None:
    source = source_of(server)
    server.script, server.always = [Manner(cut_at=HALF)], Manner(503)

    with pytest.raises(DownloadFailed, match=r"broke off: it answered 503. 2 of 3 MB are kept; the same command"):
        fetch(server, shelf, source)

    assert len(server.asked) == 6
    server.always = Manner()
    fetch(server, shelf, source)
    assert (shelf.folder / "demo.gguf").read_bytes() == DATA


def test_a_server_that_drips_is_given_up(server: FileServer, shelf: Shelf) -> None:
    source = source_of(server)
    server.always = Manner(cut_at=100)

    with pytest.raises(DownloadFailed, match="it ended too early"):
        fetch(server, shelf, source)

    assert len(server.asked) == 5


def test_a_server_that_knows_no_ranges_begins_anew(server: FileServer, shelf: Shelf) -> None:
    source = source_of(server)
    server.script, server.always = [Manner(cut_at=HALF)], Manner(knows_ranges=False)

    fetch(server, shelf, source)

    assert (shelf.folder / "demo.gguf").read_bytes() == DATA


def test_another_part_than_the_one_that_was_asked_for_is_not_taken(server: FileServer, shelf: Shelf) -> None:
    source = source_of(server, SHA256)
    server.script = [Manner(cut_at=HALF), Manner(start=5)]

    fetch(server, shelf, source)

    assert (shelf.folder / "demo.gguf").read_bytes() == DATA


@pytest.mark.parametrize("sha256", [None, SHA256])
def test_a_file_that_changes_meanwhile_is_never_mixed(server: FileServer, shelf: Shelf, sha256: str | None) -> None:
    source = source_of(server, sha256)
    with closing(Transfer(Web(judge, server.trust), source, shelf).run()) as told:
        next(progress for progress in told if (progress.completed or 0) > 500_000)
    other = DATA[:-1000] + bytes(1000)
    server.files["/demo.gguf"] = other

    with pytest.raises(DownloadFailed, match="changes at localhost" if sha256 is None else "SHA-256 differs"):
        fetch(server, shelf, source)
    fetch(server, shelf, source_of(server))

    assert (shelf.folder / "demo.gguf").read_bytes() == other


def test_without_digest_and_validator_it_begins_anew(server: FileServer, shelf: Shelf) -> None:
    server.always = Manner(without=("ETag",))
    source = source_of(server)
    with closing(Transfer(Web(judge, server.trust), source, shelf).run()) as told:
        next(progress for progress in told if (progress.completed or 0) > 500_000)
    server.asked.clear()

    fetch(server, shelf, source)

    assert ranges(server) == [None]


LIES = {
    "too short": Manner(length=len(DATA) - 5000),
    "too long": Manner(length=len(DATA) + 5000),
    "another whole": Manner(total=len(DATA) + 7, length=10),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_length_that_is_another_than_before_is_refused(server: FileServer, shelf: Shelf, lie: str) -> None:
    source = source_of(server)
    server.always = LIES[lie]

    with pytest.raises(DownloadFailed):
        fetch(server, shelf, source)

    assert not shelf.has("demo.gguf")


def test_a_file_that_is_shorter_than_its_header_says_is_not_kept(server: FileServer, shelf: Shelf) -> None:
    """A server that is wrong about the length all along."""
    server.files["/demo.gguf"] = DATA[:-5000]

    with pytest.raises(DownloadFailed, match=r"is not whole: \d+ bytes are missing"):
        fetch(server, shelf, source_of(server))

    assert not shelf.has("demo.gguf")
    assert is_clean(shelf)


def test_more_than_was_announced_is_never_written(server: FileServer, shelf: Shelf) -> None:
    source = replace(source_of(server), size_bytes=len(DATA))
    server.always = Manner(body=DATA + bytes(10_000), length=len(DATA))

    fetch(server, shelf, source)

    assert (shelf.folder / "demo.gguf").stat().st_size == len(DATA)


def test_a_wrong_digest_leaves_nothing(server: FileServer, shelf: Shelf) -> None:
    with pytest.raises(DownloadFailed, match=r"SHA-256 differs\. Nothing of it was kept"):
        fetch(server, shelf, source_of(server, "0" * 64))

    assert not shelf.has("demo.gguf")
    assert is_clean(shelf)


def test_without_room_nothing_is_asked_for(server: FileServer, tmp_path: Path) -> None:
    shelf = Shelf(tmp_path, free=lambda _: len(DATA) + SPARE_BYTES - 1)
    source = source_of(server)

    with pytest.raises(NoRoom, match=r"takes 3 MB in .*some 268 MB should stay free, and there are 271"):
        fetch(server, shelf, source)

    assert not server.asked


def test_what_has_come_needs_no_room_again(server: FileServer, shelf: Shelf, tmp_path: Path) -> None:
    source = source_of(server)
    server.script, server.always = [Manner(cut_at=HALF)], Manner(503)
    with pytest.raises(DownloadFailed):
        fetch(server, shelf, source)
    server.always = Manner()

    fetch(server, Shelf(shelf.folder, free=lambda _: len(DATA) - HALF + SPARE_BYTES), source)

    assert shelf.has("demo.gguf")


def test_two_do_not_download_at_the_same_time(server: FileServer, shelf: Shelf) -> None:
    source = source_of(server)
    with closing(Transfer(Web(judge, server.trust), source, shelf).run()) as told:
        next(told)

        with pytest.raises(DownloadFailed, match="under way") as raised:
            fetch(server, Shelf(shelf.folder), source)

    assert raised.value.code == "download_busy"


def test_a_folder_that_cannot_be_made_is_said(server: FileServer, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(DownloadFailed, match="cannot be written to: Not a directory"):
        fetch(server, Shelf(tmp_path / "file" / "models"), source_of(server))
