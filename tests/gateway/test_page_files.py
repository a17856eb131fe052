"""The page's files over the wire: whole, compressed for those who can read that, and never twice."""

from __future__ import annotations

import base64
import gzip
import hashlib
import http.client
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from backend.routes.page_files import PageFiles
from tests.running_gateway import DEADLINE_S, ROOT, RunningGateway

LARGE = "/i18n/fr.json"
FRONTEND = ROOT / "frontend"
ON_DISK = FRONTEND / "i18n" / "fr.json"


class Answer:
    """What came, not decoded as `requests` would."""

    def __init__(self, gateway: RunningGateway, path: str, method: str = "GET", **headers: str) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=DEADLINE_S)
        connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        response = connection.getresponse()
        self.status, self.headers, self.body = response.status, response.headers, response.read()
        connection.close()


def test_a_file_is_compressed_for_those_who_can_read_that(embedded: RunningGateway) -> None:
    plain = Answer(embedded, LARGE, Accept_Encoding="identity")
    packed = Answer(embedded, LARGE, Accept_Encoding="gzip, deflate, br, zstd")

    assert plain.body == ON_DISK.read_bytes() == gzip.decompress(packed.body)
    assert plain.headers["Content-Encoding"] is None
    assert packed.headers["Content-Encoding"] == "gzip"
    assert int(packed.headers["Content-Length"]) == len(packed.body) < len(plain.body) / 2
    assert plain.headers["Vary"] == packed.headers["Vary"] == "Accept-Encoding"
    assert plain.headers["Content-Type"] == packed.headers["Content-Type"]


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip", "gzip"),
        ("GZIP", "gzip"),
        ("*", "gzip"),
        ("br;q=1.0, gzip;q=0.001", "gzip"),
        ("gzip, identity", "gzip"),
        ("gzip;q=0", None),
        ("gzip;q=0, *", None),
        ("*;q=0", None),
        ("gzip;q=0.5, identity", None),
        ("br", None),
        ("x-gzip", None),
        ("gzip;q=very", None),
        ("", None),
        (",;=,q", None),
    ],
)
def test_the_client_has_the_last_word_on_the_coding(embedded: RunningGateway, accepted: str, coding: str) -> None:
    answer = Answer(embedded, LARGE, Accept_Encoding=accepted)

    assert answer.status == 200
    assert answer.headers["Content-Encoding"] == coding


def test_each_coding_has_a_tag_that_spares_sending_it_again(embedded: RunningGateway) -> None:
    tags = {coding: Answer(embedded, LARGE, Accept_Encoding=coding).headers["ETag"] for coding in ("identity", "gzip")}

    assert tags["identity"] != tags["gzip"]
    for coding, tag in tags.items():
        again = Answer(embedded, LARGE, Accept_Encoding=coding, If_None_Match=tag)
        assert (again.status, again.body) == (304, b"")
        assert (again.headers["ETag"], again.headers["Vary"]) == (tag, "Accept-Encoding")
    crossed = Answer(embedded, LARGE, Accept_Encoding="identity", If_None_Match=tags["gzip"])
    assert (crossed.status, crossed.body) == (200, ON_DISK.read_bytes())


def test_a_head_request_tells_what_a_get_would_bring(embedded: RunningGateway) -> None:
    told = Answer(embedded, LARGE, "HEAD", Accept_Encoding="gzip")
    brought = Answer(embedded, LARGE, Accept_Encoding="gzip")

    assert told.body == b""
    for name in ("Content-Length", "Content-Encoding", "ETag", "Vary"):
        assert told.headers[name] == brought.headers[name]


def test_what_fits_into_one_packet_is_sent_as_it_is(embedded: RunningGateway) -> None:
    answer = Answer(embedded, "/favicon.svg", Accept_Encoding="gzip")

    assert answer.body == (FRONTEND / "favicon.svg").read_bytes()
    assert answer.headers["Content-Encoding"] is None
    assert answer.headers["Vary"] is None


def test_a_file_is_read_and_compressed_once_until_it_changes(tmp_path: Path) -> None:
    script = tmp_path / "app.js"
    script.write_text("first")
    files = PageFiles(tmp_path)

    first = files.content("app.js")
    assert first is not None
    assert files.content("app.js") is first
    assert first.gzipped is first.gzipped

    script.write_text("later")  # as long as before
    os.utime(script, ns=(1, 1))
    later = files.content("app.js")
    assert later is not None
    assert (later.body, gzip.decompress(later.gzipped)) == (b"later", b"later")
    assert later.digest != first.digest


def test_the_worker_comes_with_the_list_of_all_that_the_page_is_made_of(embedded: RunningGateway) -> None:
    answer = embedded.get("/sw.js")
    page, script = listed(answer.content)

    assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-cache"
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; connect-src 'self'"
    assert script == (FRONTEND / "sw.js").read_bytes()
    assert "/sw.js" not in page["files"]
    assert page["files"].keys() >= {"/", "/index.html", "/app.js", "/manifest.webmanifest", "/i18n/fr.json"}
    for path, integrity in page["files"].items():
        digest = hashlib.sha256(embedded.get(path).content).digest()
        assert integrity == f"sha256-{base64.b64encode(digest).decode()}", path


def test_the_worker_is_a_new_one_when_a_file_is(tmp_path: Path) -> None:
    for name in ("index.html", "app.js", "sw.js", "notes.txt"):
        (tmp_path / name).write_text("first")
    files = PageFiles(tmp_path)
    first = worker(files)
    assert first["files"].keys() == {"/", "/index.html", "/app.js"}
    assert worker(files) == first

    (tmp_path / "app.js").write_text("second")
    second = worker(files)
    assert second["version"] != first["version"]
    assert second["files"]["/"] == first["files"]["/"]
    assert second["files"]["/app.js"] != first["files"]["/app.js"]

    (tmp_path / "vendor").mkdir()
    (tmp_path / "vendor" / "math.js").write_text("built later")
    (tmp_path / "late.js").write_text("has no address before the next start")
    assert worker(files)["files"].keys() == {"/", "/index.html", "/app.js", "/vendor/math.js"}


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_what_a_preloaded_module_imports_is_preloaded_too(tmp_path: Path, newline: str) -> None:
    (tmp_path / "views").mkdir()
    for name, text in {
        "index.html": '<script type="importmap">{"integrity": {\n"./pinned.js": "sha384-x"\n}}</script>\n'
        '  <link rel="modulepreload" href="app.js">\n'
        '  <link rel="modulepreload" href="pinned.js">\n'
        '  <link rel="modulepreload" href="never_built.js">\n'
        '<script type="module" src="app.js"></script>\n',
        "app.js": 'import "./bare.js"\nimport One, {\n  two,\n} from "./views/one.js"\nawait import("./later.js")\n',
        "bare.js": 'export const path = "./no_import.js"\nimport "library"\n// import "./no_comment.js"\n',
        "views/one.js": 'export { two } from "../two.js"\nimport "../app.js"\nimport "../pinned.js"\n',
        "two.js": "export const two = 2\n",
        "later.js": "",
        "pinned.js": "",
        "no_import.js": "",
        "no_comment.js": "",
        "sw.js": "",
    }.items():
        (tmp_path / name).write_bytes(text.replace("\n", newline).encode())
    files = PageFiles(tmp_path)

    index = files.index()

    assert index is not None
    preloads = [line.strip() for line in index.body.decode().splitlines() if "modulepreload" in line]
    assert preloads == [
        '<link rel="modulepreload" href="app.js">',
        '<link rel="modulepreload" href="pinned.js" integrity="sha384-x">',
        '<link rel="modulepreload" href="bare.js">',
        '<link rel="modulepreload" href="views/one.js">',
        '<link rel="modulepreload" href="two.js">',
    ]
    assert worker(files)["files"]["/"] == f"sha256-{index.digest}" == worker(files)["files"]["/index.html"]


def test_the_manifest_has_the_colours_of_the_page(embedded: RunningGateway) -> None:
    answer = embedded.get("/manifest.webmanifest")
    manifest = answer.json()
    tokens = (FRONTEND / "styles" / "tokens.css").read_text("utf-8")
    ((light, dark),) = re.findall(r"--paper: light-dark\((#\w+), (#\w+)\)", tokens)

    assert answer.headers["Content-Type"] == "application/manifest+json"
    assert manifest["background_color"] == manifest["theme_color"] == light
    assert re.findall(r'name="theme-color" content="(\S+)"', embedded.get("/").text) == [light, dark]
    for icon in manifest["icons"]:
        assert embedded.get("/" + icon["src"]).headers["Content-Type"].startswith(icon["type"])


def worker(files: PageFiles) -> dict[str, Any]:
    content = files.worker()
    assert content is not None
    return listed(content.body)[0]


def listed(worker: bytes) -> tuple[dict[str, Any], bytes]:
    """What is written in front of the worker, and the worker."""
    head, _, script = worker.partition(b"\n}\n\n")
    return json.loads(head.removeprefix(b"const PAGE = ") + b"}"), script
