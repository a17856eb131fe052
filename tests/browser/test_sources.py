"""The page's sources: words in two languages, and nothing that turns text into markup or code."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

FRONTEND = Path(__file__).resolve().parents[2] / "frontend"
SCRIPTS = sorted(path for path in FRONTEND.rglob("*.js") if "vendor" not in path.parts)
HTML = (FRONTEND / "index.html").read_text(encoding="utf-8")
WORDS = {name: json.loads((FRONTEND / "i18n" / f"{name}.json").read_text(encoding="utf-8")) for name in ("fr", "en")}

FORBIDDEN = (
    r"innerHTML",
    r"outerHTML",
    r"insertAdjacentHTML",
    r"createContextualFragment",
    r"setHTMLUnsafe",
    r"DOMParser",
    r"document\.write",
    r"\beval\(",
    r"new Function",
    r"javascript:",
    r"\son[a-z]+\s*=\s*[\"']",
    r"\sstyle\s*=\s*[\"']",
)


@pytest.mark.parametrize("pattern", FORBIDDEN)
def test_no_source_turns_text_into_markup_or_code(pattern: str) -> None:
    sources = {path.relative_to(FRONTEND).as_posix(): path.read_text(encoding="utf-8") for path in SCRIPTS}
    sources["index.html"] = HTML
    # Two mentions: a comment on why zod must not try it, and what takes KaTeX's own attributes away.
    sources["langchain_client.js"] = sources["langchain_client.js"].replace("would try `new Function`", "")
    formulas = "markdown/formulas.js"
    sources[formulas] = sources[formulas].replace("""/ style="[^"]*"/g""", "")

    assert [name for name, text in sources.items() if re.search(pattern, text)] == []


def test_both_languages_have_the_same_words() -> None:
    assert list(WORDS["fr"]) == list(WORDS["en"])


@pytest.mark.parametrize("key", WORDS["en"])
def test_a_sentence_takes_the_same_values_in_both_languages(key: str) -> None:
    fr, en = (set(re.findall(r"\{(\w+)\}", WORDS[language][key])) for language in ("fr", "en"))

    assert fr == en
    assert WORDS["fr"][key].strip()
    assert WORDS["en"][key].strip()


def test_french_signs_stay_with_their_words() -> None:
    assert [text for text in WORDS["fr"].values() if re.search(" [;:?!»]|« ", text)] == []


def test_every_word_that_is_used_exists_and_every_word_is_used() -> None:
    in_html = set(re.findall(r'data-i18n(?:-[a-z]+)?="(\w+)"', HTML))
    scripts = "\n".join(path.read_text(encoding="utf-8") for path in SCRIPTS)
    asked = set(re.findall(r'\bt\("(\w+)"', scripts))
    quoted = set(re.findall(r'"(\w+)"', scripts))
    begun = tuple(re.findall(r"\bt\(`(\w+)\$\{\w+\}`\)", scripts))  # t(`view_${name}`)

    assert in_html | asked <= set(WORDS["en"])
    assert all(any(key.startswith(beginning) for key in WORDS["en"]) for beginning in begun)
    assert {key for key in WORDS["en"] if not key.startswith(begun)} <= in_html | quoted


def test_every_fault_has_its_words_and_its_ways_forward() -> None:
    source = (FRONTEND / "fault.js").read_text(encoding="utf-8")
    table = source[: source.index("const BY_CODE")]
    kinds = set(re.findall(r"^  (\w+): \{", table, re.MULTILINE))
    ways = {way for names in re.findall(r"ways: \[([^\]]*)\]", table) for way in re.findall(r'"(\w+)"', names)}
    mapped = set(re.findall(r': "(\w+)"', source[source.index("const BY_CODE") : source.index("/** A failure")]))

    assert len(kinds) > 15
    assert {f"fault_{kind}" for kind in kinds} | {f"fault_{kind}_hint" for kind in kinds} | ways <= set(WORDS["en"])
    assert mapped <= kinds


def test_libraries_come_at_exact_versions() -> None:
    import_map = json.loads(re.search(r'<script type="importmap">(.*?)</script>', HTML, re.DOTALL)[1])  # type: ignore[index]
    package = json.loads((FRONTEND.parent / "tools" / "vendor" / "package.json").read_text(encoding="utf-8"))
    lock = json.loads((FRONTEND.parent / "tools" / "vendor" / "package-lock.json").read_text(encoding="utf-8"))
    installed = {
        path.removeprefix("node_modules/"): entry["version"] for path, entry in lock["packages"].items() if path
    }

    for address in import_map["imports"].values():
        named = re.findall(r"(@?[a-z][\w./-]*)@(\d[\d.]*)", address.removeprefix("https://esm.sh/"))
        assert named, address
        for name, version in named:
            assert installed[name] == version
    for name, version in (package["dependencies"] | package["devDependencies"]).items():
        assert installed[name] == version
    assert not any("resolved" in entry for entry in lock["packages"].values())
    libraries = [f"./vendor/{path.name}" for path in (FRONTEND.parent / "tools" / "vendor" / "libraries").iterdir()]
    assert sorted(libraries) == sorted(import_map["integrity"])
    assert all(re.fullmatch(r"sha384-[A-Za-z0-9+/]{64}", hashed) for hashed in import_map["integrity"].values())


def test_what_checks_the_page_comes_at_an_exact_version() -> None:
    wanted = json.loads((FRONTEND.parent / "package.json").read_text(encoding="utf-8"))["devDependencies"]
    packages = json.loads((FRONTEND.parent / "package-lock.json").read_text(encoding="utf-8"))["packages"]

    assert {name: packages[f"node_modules/{name}"]["version"] for name in wanted} == wanted
    assert not any("resolved" in entry for entry in packages.values())


def test_the_page_names_no_remote_address_but_the_import_map() -> None:
    remote = set()
    for path in [*SCRIPTS, FRONTEND / "index.html", *FRONTEND.rglob("*.css"), *FRONTEND.rglob("*.svg")]:
        remote |= set(re.findall(r"(?:https?:)?//[a-z][\w.-]+", path.read_text(encoding="utf-8")))

    assert {address for address in remote if re.search(r"//\w[\w-]*\.\w", address)} == {
        "https://esm.sh",
        "https://huggingface.co",  # how an address to pull from may look, in a placeholder
        "http://www.w3.org",
    }


@pytest.mark.parametrize("button", ["send", "stop"])
def test_a_button_that_several_views_have_is_written_once(button: str) -> None:
    assert [path.name for path in SCRIPTS if f'id="{button}"' in path.read_text(encoding="utf-8")] == [
        "send_or_stop.js"
    ]
