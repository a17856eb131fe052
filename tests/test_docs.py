"""What is written down is what the program does: settings, addresses, failures."""

from __future__ import annotations

import ast
import inspect
import json
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import requests
from dotenv import dotenv_values

from backend import errors
from backend.app import create_app
from backend.errors import GatewayError
from backend.settings import ROOT, Settings
from tests.running_gateway import RunningGateway

README = (ROOT / "README.md").read_text(encoding="utf-8")
EXAMPLE = ROOT / ".env.example"
METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE"}


def rows(title: str, page: str = "README.md") -> list[list[str]]:
    """The table in the section of that title, a list of cells a row, without its head."""
    section = (ROOT / page).read_text(encoding="utf-8").split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    assert lines, f"no table under {title}"
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


def settings() -> list[tuple[str, str, str]]:
    return [
        (setting.name.upper(), setting.metadata["default"], setting.metadata["about"]) for setting in fields(Settings)
    ]


def test_the_example_file_lists_every_setting_with_its_default_and_its_line() -> None:
    written = re.findall(r"^# (.+)\n([A-Z_]+)=(.*)$", EXAMPLE.read_text(encoding="utf-8"), re.MULTILINE)

    assert [(name, default, about) for about, name, default in written] == settings()


def test_the_example_file_read_as_it_is_gives_the_defaults() -> None:
    assert list(dotenv_values(EXAMPLE)) == [name for name, _, _ in settings()]
    assert Settings.read({}, EXAMPLE) == Settings.read({}, None)


def test_readme_lists_every_setting_with_its_default_and_its_line() -> None:
    written = [(name.strip("`"), default.strip("`"), about) for name, default, about in rows("Settings")]

    assert written == settings()


def test_the_api_page_lists_every_address_and_none_that_is_not_there() -> None:
    table = rows("Addresses", "docs/api.md")
    written = {tuple(words.split()) for row in table for words in re.findall(r"`([A-Z]+ /[^`]*)`", row[0])}
    app = create_app(Settings.read({"BACKEND": "ollama"}, None))

    served = set()
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith("pages.") and rule.rule not in ("/", "/presets.json"):
            continue  # the files that the page is made of
        path = re.sub(r"<(?:[a-z]+:)?([a-z_]+)>", r"<\1>", rule.rule)
        served |= {(method, path) for method in (rule.methods or set()) & METHODS}

    assert written == served


def test_the_page_of_failures_lists_every_error_code_and_none_that_is_not_there() -> None:
    table = rows("When things fail", "docs/failures.md")
    written = {code for row in table for code in re.findall("`([a-z_]+)`", row[2])}

    sources = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "backend").rglob("*.py"))

    assert not codes() - written
    assert not [code for code in written if f'"{code}"' not in sources]


def test_readmes_curl_gets_the_answer_that_readme_shows(embedded: RunningGateway) -> None:
    section = README.split("\n## Ask it\n", 1)[1]
    asked, shown = re.findall(r"```sh\ncurl .* -d '(.*?)'\n```.*?```json\n(.*?)```", section, re.DOTALL)[0]

    answered = requests.post(
        embedded.url + "/v1/chat/completions", asked, headers={"Content-Type": "application/json"}, timeout=20
    ).json()

    assert answered["choices"] == json.loads(shown)["choices"]
    assert shape(answered) == shape(json.loads(shown))


def shape(value: object) -> object:
    return {key: shape(inner) for key, inner in value.items()} if isinstance(value, dict) else None


def codes() -> set[str]:
    """Every code that an error of the gateway can have: those of the classes, and those given when one is raised."""
    kinds = {
        name: kind for name, kind in vars(errors).items() if inspect.isclass(kind) and issubclass(kind, GatewayError)
    }
    found = {kind("…").code for kind in kinds.values()}
    for file in sorted((ROOT / "backend").rglob("*.py")):
        found |= set(_given(file, kinds))
    return found


def _given(file: Path, kinds: dict[str, type[GatewayError]]) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or node.func.id not in kinds:
            continue
        named = {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg}
        code = inspect.signature(kinds[node.func.id]).bind_partial(*node.args, **named).arguments.get("code")
        if isinstance(code, ast.Constant):
            yield code.value


def test_the_readme_is_short_enough_to_be_read() -> None:
    assert len(README.splitlines()) <= 200


def test_links_between_the_pages_lead_somewhere() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    links = [
        (page, target)
        for page in pages
        for target in re.findall(r"\]\(([^)#:\s]+)[^)]*\)", page.read_text(encoding="utf-8"))
    ]

    assert links
    assert not [(page.name, target) for page, target in links if not (page.parent / target).exists()]
