"""The page's state and helpers where they need no browser: each `*.test.js` beside this file runs in Node.js."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
OLDEST = 20
"""The first version with `toSorted` and `CustomEvent`, which browsers have."""


def node() -> str:
    path = shutil.which("node")
    if path is None:
        assert os.environ.get("CI") != "true", "Node.js is missing. Install it (apt-get install nodejs)."
        pytest.skip("Node.js is missing (apt-get install nodejs)")
    version = subprocess.run([path, "--version"], capture_output=True, text=True, check=True).stdout
    if int(re.findall(r"\d+", version)[0]) < OLDEST:
        pytest.skip(f"Node.js {OLDEST} or newer is needed, this is {version.strip()}")
    return path


@pytest.mark.parametrize("file", sorted(HERE.glob("*.test.js")), ids=lambda path: path.name.removesuffix(".test.js"))
def test_it_does_in_node_what_it_should(file: Path) -> None:
    ran = subprocess.run([node(), "--test", file], cwd=HERE, capture_output=True, text=True, timeout=100)

    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert re.search(r"^(?:#|ℹ) pass [1-9]", ran.stdout, re.MULTILINE), ran.stdout
