"""What a server tells of a file, before it is fetched; and what is refused."""

from __future__ import annotations

import base64
import hashlib
import json
import socket
from collections.abc import Iterator

import pytest

from backend.download.source import LOOK_BYTES, look, place_of
from backend.download.web import Web
from backend.engine.folder import DEMO_PATH
from backend.errors import DownloadFailed
from tests.download.file_server import FileServer, Manner, judge

DATA = DEMO_PATH.read_bytes()
SHA256 = hashlib.sha256(DATA).hexdigest()
PATH = "/owner/name/resolve/main/q/demo.gguf"


@pytest.fixture
def server() -> Iterator[FileServer]:
    with FileServer({"/demo.gguf": DATA, PATH: DATA}) as server:
        yield server


def web(server: FileServer) -> Web:
    return Web(judge, server.trust)


def test_size_title_and_licence_are_known_from_the_first_bytes(server: FileServer) -> None:
    source = look(web(server), place_of(f"{server.url}/demo.gguf?download=true"))

    assert (source.size_bytes, source.title, source.license) == (len(DATA), "passerelle-demo", "MIT")
    assert (source.place.file, source.sha256) == ("demo.gguf", None)
    assert source.validator
    (asked,) = server.asked
    assert asked.fields["range"] == f"bytes=0-{LOOK_BYTES - 1}"
    assert asked.fields["accept-encoding"] == "identity"
    assert "authorization" not in asked.fields


def test_a_server_without_ranges_is_read_no_further(server: FileServer) -> None:
    server.always = Manner(knows_ranges=False)

    source = look(web(server), place_of(f"{server.url}/demo.gguf"))

    assert source.size_bytes == len(DATA)


def test_the_hub_tells_the_digest_and_the_licence(server: FileServer) -> None:
    """In front of its files stands a redirect that has them; the place it leads to has not."""
    store = "/store/0123abcd"
    server.files[store] = DATA.replace(b"general.license", b"general.unknown")
    server.files["/api/models/owner/name"] = json.dumps({"cardData": {"license": "apache-2.0"}}).encode()
    server.script = [
        Manner(302, {"Location": f"{server.url}{store}?signature=1", "X-Linked-Etag": f'"{SHA256}"'}, body=b""),
    ]

    source = look(web(server), place_of("hf:owner/name/q/demo.gguf", server.url), hub=server.url)

    assert (source.sha256, source.license, source.place.file) == (SHA256, "apache-2.0", "demo.gguf")
    assert [asked.path for asked in server.asked] == [PATH, f"{store}?signature=1", "/api/models/owner/name"]


def test_an_address_elsewhere_cannot_speak_for_the_hub(server: FileServer) -> None:
    server.always = Manner(fields={"X-Linked-Etag": f'"{SHA256}"'})

    assert look(web(server), place_of(f"{server.url}/demo.gguf")).sha256 is None


def test_a_digest_in_the_standards_field_is_heeded(server: FileServer) -> None:
    digest = base64.b64encode(bytes.fromhex(SHA256)).decode()
    server.always = Manner(fields={"Repr-Digest": f"sha-512=:AAAA:, sha-256=:{digest}:"})

    assert look(web(server), place_of(f"{server.url}/demo.gguf")).sha256 == SHA256


def test_another_digest_than_the_one_that_was_asked_for_is_said_at_once(server: FileServer) -> None:
    digest = base64.b64encode(bytes.fromhex(SHA256)).decode()
    server.always = Manner(fields={"Repr-Digest": f"sha-256=:{digest}:"})

    with pytest.raises(DownloadFailed, match="another one"):
        look(web(server), place_of(f"{server.url}/demo.gguf"), "0" * 64)


REFUSED_ADDRESSES = (
    *("http://example.org/a.gguf", "ftp://example.org/a.gguf", "file:///etc/a.gguf", "https:///a.gguf", "a.gguf"),
    *("https://user:word@example.org/a.gguf", "https://example.org:0/a.gguf", "https://example.org:x/a.gguf"),
    *("https://example.org/a.bin", "https://example.org/", "https://example.org/.gguf", "https://example.org/a b.gguf"),
    *("https://exa\\mple.org/a.gguf", "https://example.org/%2e%2e%5ca.gguf", "https://example.org/-a.gguf"),
    *("https://example.org/a\n.gguf", "https://exämple.org/a.gguf", f"https://example.org/{'a' * 300}.gguf"),
    *("hf:", "hf:owner", "hf:owner/name", "hf:owner/name/", "hf:../name/a.gguf", "hf:owner/name/../../x/a.gguf"),
    *("hf:owner/na me/a.gguf", "hf:owner/name/a.safetensors", "hf:/name/a.gguf"),
)


@pytest.mark.parametrize("address", REFUSED_ADDRESSES)
def test_what_is_no_address_of_a_gguf_is_refused(address: str) -> None:
    with pytest.raises(DownloadFailed) as raised:
        place_of(address)

    assert raised.value.code == "download_refused"


def test_a_name_in_an_address_is_only_ever_a_name() -> None:
    assert place_of("https://example.org/a/%2e%2e/%2Fetc%2Fmodel.gguf").file == "model.gguf"


NO_FILE = {
    "a page": (Manner(body=b"<!doctype html>" + bytes(100)), "is not a GGUF file"),
    "nothing": (Manner(body=b""), "is not a GGUF file|ends in the middle|how large"),
    "no size": (Manner(knows_ranges=False, without=("Content-Length",)), "how large"),
    "a size that is none": (Manner(knows_ranges=False, fields={"Content-Length": "-1"}), "how large|cannot be asked"),
    "a range without a size": (Manner(fields={"Content-Range": "bytes 0-65535/*"}), "how large"),
    "a coding": (Manner(fields={"Content-Encoding": "gzip"}), "how large"),
    "404": (Manner(404), "has no such file"),
    "401": (Manner(401), "does not give this file to strangers"),
    "418": (Manner(418), "answered 418"),
    "503": (Manner(503), "cannot be asked: it answered 503"),
    "an empty redirect": (Manner(302, body=b""), "redirects more than"),
}


@pytest.mark.parametrize("case", NO_FILE)
def test_what_is_no_file_is_said_in_a_sentence(server: FileServer, case: str) -> None:
    server.always, sentence = NO_FILE[case]

    with pytest.raises(DownloadFailed, match=sentence):
        look(web(server), place_of(f"{server.url}/demo.gguf"))


LEAVING = (
    *("http://localhost/demo.gguf", "https://127.0.0.2/demo.gguf", "https://[::ffff:10.0.0.1]/demo.gguf"),
    *("https://169.254.169.254/latest/meta-data", "https://0.0.0.0/demo.gguf", "file:///etc/passwd"),
)


@pytest.mark.parametrize("address", LEAVING)
def test_a_redirect_into_a_private_network_or_out_of_tls_is_refused(server: FileServer, address: str) -> None:
    server.script = [Manner(302, {"Location": address}, body=b"")]

    with pytest.raises(DownloadFailed) as raised:
        look(web(server), place_of(f"{server.url}/demo.gguf"))

    assert raised.value.code == "download_refused"


def test_without_a_judge_of_its_own_the_servers_machine_is_refused(server: FileServer) -> None:
    with pytest.raises(DownloadFailed, match="own network"):
        look(Web(trust=server.trust), place_of(f"{server.url}/demo.gguf"))

    assert not server.asked


def test_a_certificate_that_nobody_vouches_for_is_refused(server: FileServer) -> None:
    with pytest.raises(DownloadFailed, match="certificate of localhost is not trusted"):
        look(Web(judge), place_of(f"{server.url}/demo.gguf"))


def test_a_name_that_nobody_knows_is_said_to_be_the_networks_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)

    with pytest.raises(DownloadFailed, match="is this machine on the network"):
        look(Web(), place_of("https://models.invalid/a.gguf"))
