"""Connections to the Internet alone: never to this machine, nor to anything in its networks.

A name is resolved once, every address it has is judged, and the connection goes to an address that was judged: what
the name means a moment later does not matter.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

from backend.errors import DownloadFailed

Judge = Callable[[str], bool]
SPECIAL = tuple(
    map(ip_network, ("192.0.0.0/24", "192.88.99.0/24", "2001::/23", "2002::/16", "3fff::/20", "64:ff9b:1::/48"))
)
"""Of IANA's registries of special addresses, those that not every Python's `is_global` knows; tunnels among them."""
NAT64 = IPv6Network("64:ff9b::/96")
"""How a network that speaks IPv6 alone writes the IPv4 addresses of the others (RFC 6052)."""


def is_public(address: str) -> bool:
    """Whether a numeric address belongs to the Internet. What IPv6 wraps around an IPv4 address counts as that."""
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, IPv6Address):
        ip = _wrapped(ip) or ip
    is_special = ip.is_multicast or any(ip in network for network in SPECIAL)
    return ip.is_global and not is_special


def _wrapped(ip: IPv6Address) -> IPv4Address | None:
    return IPv4Address(int(ip) & 0xFFFFFFFF) if ip in NAT64 else ip.ipv4_mapped


def connect(host: str, port: int, timeout_s: float, judge: Judge = is_public) -> socket.socket:
    """A connection to a public address of this host. Raises DownloadFailed (code download_refused) where any of its
    addresses is another, OSError where none answers."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    if not all(judge(str(entry[4][0])) for entry in found):
        raise DownloadFailed(
            f"{host} is an address in this machine's own network: nothing is fetched from there.", "download_refused"
        )
    fault: OSError = OSError("no address")
    for family, kind, protocol, _, address in found:
        connection = socket.socket(family, kind, protocol)
        connection.settimeout(timeout_s)
        try:
            connection.connect(address)
        except OSError as refused:
            connection.close()
            fault = refused
        else:
            return connection
    raise fault
