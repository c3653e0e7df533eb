"""Addresses that no public name server can say anything about, and so is never asked about.

Sources: IANA's special-purpose address registries (RFC 6890), those for multicast (RFC 5771, RFC
4291) and for IPv6 (only 2000::/3 is assigned for global unicast). Entries that are reachable all
the same, such as NAT64's 64:ff9b::/96, are left out as well: they stand for somebody else's host.
"""

from __future__ import annotations

from bisect import bisect_right
from enum import Enum
from ipaddress import ip_network


class Reach(Enum):
    """Who can say something about an address."""

    PUBLIC = "public"
    PRIVATE = "private"
    SPECIAL = "special"


PRIVATE = (
    "10.0.0.0/8",
    "100.64.0.0/10",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "fc00::/7",
)
"""Ranges that a network's own resolver may know: RFC 1918, RFC 6598, RFC 4193."""

SPECIAL = (
    "0.0.0.0/8",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.31.196.0/24",
    "192.52.193.0/24",
    "192.88.99.0/24",
    "192.175.48.0/24",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "::/3",
    "2001::/23",
    "2001:db8::/32",
    "2002::/16",
    "2620:4f:8000::/48",
    "3fff::/20",
    "4000::/2",
    "8000::/2",
    "c000::/3",
    "e000::/4",
    "f000::/5",
    "f800::/6",
    "fe00::/7",
)
"""Ranges that nobody is asked about. No two ranges of the two tables overlap."""


def reach(packed: bytes) -> Reach:
    """Who can say something about the address, given as its 4 or 16 bytes.

    >>> from ipaddress import ip_address
    >>> [reach(ip_address(text).packed).value for text in ("8.8.8.8", "10.1.2.3", "203.0.113.9")]
    ['public', 'private', 'special']
    """
    if len(packed) == 4 and packed[0] in _PLAIN:
        return Reach.PUBLIC
    firsts, ranges = _RANGES[len(packed)]
    value = int.from_bytes(packed, "big")
    place = bisect_right(firsts, value) - 1
    if place >= 0 and value <= ranges[place][0]:
        return ranges[place][1]
    return Reach.PUBLIC


def _ranges(version: int) -> tuple[list[int], list[tuple[int, Reach]]]:
    """First addresses in order; beside them, last addresses and what the range is."""
    networks = [(ip_network(text), Reach.PRIVATE) for text in PRIVATE]
    networks += [(ip_network(text), Reach.SPECIAL) for text in SPECIAL]
    found = sorted(
        (int(network.network_address), int(network.broadcast_address), kind.value)
        for network, kind in networks
        if network.version == version
    )
    return [first for first, _, _ in found], [(last, Reach(kind)) for _, last, kind in found]


_RANGES = {4: _ranges(4), 16: _ranges(6)}

_PLAIN = frozenset(range(256)) - {
    octet
    for text in (*PRIVATE, *SPECIAL)
    if (network := ip_network(text)).version == 4
    for octet in range(network[0].packed[0], network[-1].packed[0] + 1)
}
"""First octets of IPv4 addresses that are in none of the ranges, which are most."""
