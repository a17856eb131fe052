"""The page's files over the wire: whole, compressed for those who can read that, and never twice."""

from __future__ import annotations

import gzip
import http.client
import os
from pathlib import Path

import pytest

from backend.routes.page_files import PageFiles
from tests.running_gateway import DEADLINE_S, ROOT, RunningGateway

LARGE = "/i18n/fr.json"
ON_DISK = ROOT / "frontend" / "i18n" / "fr.json"


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

    assert answer.body == (ROOT / "frontend" / "favicon.svg").read_bytes()
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
