"""The models folder as the place where a file arrives: one at a time, with room, and never half done under its name."""

from __future__ import annotations

import errno
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from backend.errors import DownloadFailed, GatewayError, NoRoom

SPARE_BYTES = 256 * 1024 * 1024
"""What a disk keeps free beside the model: a full one breaks other things."""


class Shelf:
    """`free` tells the free bytes of a folder's disk; another one only in tests."""

    def __init__(self, folder: Path, free: Callable[[Path], int] | None = None) -> None:
        self.folder = folder
        self.arriving = folder / ".downloads"
        """What is not whole yet. The engine lists files of the folder itself only."""
        self._free = free or _free

    def has(self, file: str) -> bool:
        return (self.folder / file).exists()

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Keep others from downloading into this folder. Raises DownloadFailed where one does; the disk's failures
        become sentences, also those of what is done within."""
        with self._sentences():
            self.arriving.mkdir(parents=True, exist_ok=True)
            with (self.arriving / "lock").open("ab") as lock:
                if not _locked(lock):
                    raise DownloadFailed(f"Another download into {self.folder} is under way.", "download_busy")
                yield

    def want(self, size_bytes: int) -> None:
        """Raises NoRoom where the disk has no room for so much more."""
        free = self._free(self.arriving)
        if free < size_bytes + SPARE_BYTES:
            raise NoRoom(
                f"There is no room for it: it takes {_mb(size_bytes)} MB in {self.folder}, some {_mb(SPARE_BYTES)} MB "
                f"should stay free, and there are {_mb(free)}."
            )

    def land(self, path: Path, file: str) -> None:
        """Give a whole and checked file its name, all at once."""
        with path.open("rb") as arrived:
            os.fsync(arrived.fileno())
        path.replace(self.folder / file)

    @contextmanager
    def _sentences(self) -> Iterator[None]:
        try:
            yield
        except GatewayError:
            raise
        except OSError as fault:
            if fault.errno in (errno.ENOSPC, errno.EDQUOT):
                raise NoRoom(f"The disk of {self.folder} is full.") from fault
            reason = fault.strerror or type(fault).__name__
            raise DownloadFailed(f"{self.folder} cannot be written to: {reason}.") from fault


def _free(folder: Path) -> int:
    return shutil.disk_usage(folder).free


def _mb(size_bytes: int) -> int:
    return round(size_bytes / 1e6)


def _locked(file: BinaryIO) -> bool:
    """The system lets go of the lock when the process ends, however it ends."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
