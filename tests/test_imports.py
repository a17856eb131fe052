"""One direction of imports: a part may import only the parts that stand above it here."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

BACKEND = Path(__file__).resolve().parent.parent / "backend"
LAYERS = [
    ("backend",),  # the version
    ("backend.errors", "backend.identity", "backend.settings", "backend.turns", "backend.vocabulary"),
    ("backend.dialects", "backend.observers", "backend.engine"),
    ("backend.upstream", "backend.download"),
    ("backend.backends",),
    ("backend.routing",),
    ("backend.relay",),
    ("backend.gateway", "backend.management"),
    ("backend.routes",),
    ("backend.app",),
    ("backend.serving",),
    ("backend.terminal",),
    ("backend.__main__",),
]
PURE = {"flask", "socket", "gevent", "requests", "time", "logging", "threading", "os"}


@cache
def modules() -> dict[str, Path]:
    return {
        ".".join(path.relative_to(BACKEND.parent).with_suffix("").parts).removesuffix(".__init__"): path
        for path in sorted(BACKEND.rglob("*.py"))
    }


def imports_of(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            known = {f"{node.module}.{alias.name}" for alias in node.names} & set(modules())
            found |= known or {node.module}
    return found


def layer_of(module: str) -> int:
    for height, parts in enumerate(LAYERS):
        if any(module == part or (part != "backend" and module.startswith(part + ".")) for part in parts):
            return height
    raise AssertionError(f"{module} stands in no layer: say in this test where it belongs")


@pytest.mark.parametrize("module", modules())
def test_a_part_imports_only_what_lies_below_it(module: str) -> None:
    height = layer_of(module)

    wrong = [name for name in imports_of(modules()[module]) if name.startswith("backend") and layer_of(name) > height]

    assert not wrong


@pytest.mark.parametrize("module", [name for name in modules() if name.startswith("backend.dialects.")])
def test_dialects_do_not_import_each_other(module: str) -> None:
    """What two of them need stands beside their folders, and knows none of them."""
    mine = dialect_of(module)

    assert not {name for name in imports_of(modules()[module]) if dialect_of(name) not in (mine, None)}


def dialect_of(module: str) -> str | None:
    """`openai` for `backend.dialects.openai.upstream.call`; None for what all dialects share."""
    parts = module.split(".")
    folder = BACKEND.joinpath("dialects", parts[2]) if len(parts) > 2 and parts[1] == "dialects" else None
    return parts[2] if folder is not None and folder.is_dir() else None


def test_the_relay_sees_calls_and_no_backend() -> None:
    names = {
        alias.name
        for path in (BACKEND / "relay").glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("backend.backends")
        for alias in node.names
    }

    assert names == {"Call"}


@pytest.mark.parametrize("module", [name for name in modules() if name.startswith("backend.dialects")])
def test_dialects_are_pure(module: str) -> None:
    assert not {name.split(".")[0] for name in imports_of(modules()[module])} & PURE
