"""One direction of imports in the page: a part may import only what stands above it here."""

from __future__ import annotations

import posixpath
import re
from functools import cache
from pathlib import Path

import pytest

FRONTEND = Path(__file__).resolve().parent.parent / "frontend"
LAYERS = [
    ("fault.js",),
    ("helpers",),
    ("gateway.js", "langchain_client.js", "markdown"),
    ("state/page", "state/settings"),
    ("state/conversations", "state/generation", "state/models", "state/stats"),
    ("state/chat", "state/compare", "state/prompt"),
    ("views/shared",),
    ("views/chat", "views/compare", "views/models", "views/prompt", "views/settings", "views/stats"),
    ("views/app.js",),
    ("app.js",),
]
BY_ITSELF = {"sw.js"}  # the browser runs the service worker beside the page
LIBRARIES = {
    "@langchain/core/messages": "langchain_client.js",
    "@langchain/openai": "langchain_client.js",
    "dompurify": "markdown/markdown.js",
    "highlight.js": "markdown/code.js",
    "htm": "helpers/interface.js",
    "idb": "state/conversations/disk/database.js",
    "katex": "markdown/formulas.js",
    "marked": "markdown/markdown.js",
    "preact": "helpers/interface.js",
    "preact/hooks": "helpers/interface.js",
}
"""The one module that each library comes through."""
_IMPORT = re.compile(
    r"""^(?:import|export)\s(?:[^"';=()]*\sfrom\s)?\s*"([^"]+)"|\bimport\(\s*["`]([^"`]+)["`]""", re.MULTILINE
)


@cache
def modules() -> dict[str, str]:
    """Name in `frontend/` → its source, of all modules but the built libraries."""
    found = {path.relative_to(FRONTEND).as_posix(): path.read_text("utf-8") for path in sorted(FRONTEND.rglob("*.js"))}
    return {name: text for name, text in found.items() if not name.startswith("vendor/") and name not in BY_ITSELF}


@cache
def imports_of(module: str) -> set[str]:
    """What a module imports, at its start or later: names in `frontend/`, or those of libraries."""
    named = {now or later for now, later in _IMPORT.findall(modules()[module])}
    folder = posixpath.dirname(module)
    return {posixpath.normpath(posixpath.join(folder, name)) if name.startswith(".") else name for name in named}


def ours(module: str) -> set[str]:
    return {name for name in imports_of(module) if name.endswith(".js") and name not in LIBRARIES} - {
        "vendor/${name}.js"  # the offline copy of a library
    }


def part_of(module: str) -> tuple[int, str]:
    """Its layer, and which part of that layer it belongs to."""
    for height, parts in enumerate(LAYERS):
        for part in parts:
            if module == part or module.startswith(part + "/"):
                return height, part
    raise AssertionError(f"{module} stands in no layer: say in this test where it belongs")


@pytest.mark.parametrize("module", modules())
def test_a_module_imports_its_own_part_or_what_stands_below(module: str) -> None:
    height, part = part_of(module)

    others = {name: part_of(name) for name in ours(module)}

    assert [name for name, (its_height, its_part) in others.items() if its_part != part and its_height >= height] == []


@pytest.mark.parametrize("module", modules())
def test_what_a_module_imports_is_there_and_never_leads_back_to_it(module: str) -> None:
    reached: set[str] = set()
    ahead = ours(module)
    while ahead:
        assert ahead <= set(modules())
        reached |= ahead
        ahead = {name for one in ahead for name in ours(one)} - reached

    assert module not in reached


@pytest.mark.parametrize("module", [name for name in modules() if name.startswith("state/")])
def test_state_knows_no_view(module: str) -> None:
    assert not imports_of(module) & {"helpers/interface.js", "helpers/dom.js"}
    assert not {name for name in imports_of(module) if name.startswith(("markdown/", "views/"))}
    assert not re.search(r"document\.(?!hidden|addEventListener)|querySelector|getElementById", modules()[module])


def test_each_library_comes_through_one_module() -> None:
    through = {(name, module) for module in modules() for name in imports_of(module) if name in LIBRARIES}

    assert through == set(LIBRARIES.items())
    unknown = {name for module in modules() for name in imports_of(module) - ours(module)}
    assert unknown == set(LIBRARIES) | {"vendor/${name}.js"}


def test_every_module_is_used() -> None:
    assert set(modules()) - {name for module in modules() for name in ours(module)} == {"app.js"}
