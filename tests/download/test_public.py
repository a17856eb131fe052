"""Nothing is fetched from this machine's own networks, whatever a name means and whenever it means it."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest

from backend.download import public
from backend.download.public import connect, is_public
from backend.errors import DownloadFailed

PRIVATE = (
    *(
        "127.0.0.1",
        "127.8.9.1",
        "0.0.0.0",
        "10.1.2.3",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "169.254.169.254",
    ),
    *("100.64.0.1", "192.0.0.8", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255"),
    *("::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12:3456::1", "ff02::1", "2001:db8::1"),
    *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:a9fe:a9fe", "64:ff9b::127.0.0.1", "64:ff9b::a00:1"),
    *("2002:7f00:1::", "2002:a00:1::1", "2001:0:53aa:64c:0:0:f5ff:fffe", "64:ff9b:1::1"),
    *("", "localhost", "0x7f000001", "2130706433", "127.1"),
)
PUBLIC = ("1.1.1.1", "93.184.215.14", "2606:4700:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101")


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_of_this_machines_networks_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert is_public(address)


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Makes names mean addresses; gives a list of the names that were asked for."""

    def mean(*answers: tuple[str, ...]) -> list[str]:
        asked: list[str] = []

        def getaddrinfo(host: str, port: int, **_: object) -> list[object]:
            asked.append(host)
            found = answers[min(len(asked), len(answers)) - 1]
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

        monkeypatch.setattr(public.socket, "getaddrinfo", getaddrinfo)
        return asked

    return mean


@pytest.mark.parametrize("addresses", [("127.0.0.1",), ("1.1.1.1", "10.0.0.1"), ("169.254.169.254", "1.1.1.1")])
def test_a_name_with_one_private_address_is_refused_before_anything_is_sent(
    names: Callable[..., list[str]], addresses: tuple[str, ...]
) -> None:
    names(addresses)

    with pytest.raises(DownloadFailed, match="in this machine's own network") as raised:
        connect("models.example", 443, 1)

    assert raised.value.code == "download_refused"


def test_the_connection_goes_to_the_address_that_was_judged(names: Callable[..., list[str]]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        asked = names(("127.0.0.1",), ("127.0.0.2",))
        judged: list[str] = []

        with connect(
            "models.example", listener.getsockname()[1], 5, lambda address: not judged.append(address)
        ) as link:
            assert link.getpeername()[0] == "127.0.0.1"

    assert (asked, judged) == (["models.example"], ["127.0.0.1"])


def test_the_next_address_is_tried_where_the_first_does_not_answer(names: Callable[..., list[str]]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        names(("127.0.0.9", "127.0.0.1"))

        with connect("models.example", listener.getsockname()[1], 5, lambda _: True) as link:
            assert link.getpeername()[0] == "127.0.0.1"
