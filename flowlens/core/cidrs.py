"""Networks that users list, each with what they say of it; and which of them hold an address.

An allow-list is one of them: plain text, `CIDR reason` a line, a comma between the two if you like.
What comes after `#` and a blank is a comment; a comment in place of the reason is the reason.

    # who may scan us
    192.0.2.0/24     our own scanner, weekly
    2001:db8::/48,   penetration test # until May
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from pathlib import Path
from typing import Generic, TypeVar

from flowlens.core.listfile import bad, lines, shortened

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
T = TypeVar("T")

_ALLOWED = re.compile(r"(?P<cidr>[^\s,]+)[\s,]*(?:# ?)?(?P<reason>.*?)(?:\s#\s.*)?")


@dataclass(frozen=True, slots=True)
class Allowed:
    """A network on an allow-list, and why it is there; the reason may be empty."""

    network: Network
    reason: str


class Cidrs(Generic[T]):
    """Values by network. An address costs a look-up for each prefix length that occurs."""

    def __init__(self, items: Iterable[tuple[Network, T]] = ()) -> None:
        tables: dict[tuple[int, int], dict[int, list[T]]] = {}
        self._count = 0
        for network, value in items:
            shift = network.max_prefixlen - network.prefixlen
            table = tables.setdefault((network.version, shift), {})
            table.setdefault(int(network.network_address) >> shift, []).append(value)
            self._count += 1
        self._tables: dict[int, list[tuple[int, dict[int, list[T]]]]] = {4: [], 6: []}
        for (version, shift), table in sorted(tables.items()):
            self._tables[version].append((shift, table))

    def __len__(self) -> int:
        return self._count

    def holding(self, address: Address) -> list[T]:
        """The values of all networks that hold an address: the longest prefix first, then in the
        order given.
        """
        number = int(address)
        found: list[T] = []
        for shift, table in self._tables[address.version]:
            found += table.get(number >> shift, ())
        return found

    def nearest(self, address: Address) -> T | None:
        """The value of the longest prefix that holds an address; the first given among equals.

        >>> inner, outer = ip_network("192.0.2.0/24"), ip_network("192.0.0.0/16")
        >>> Cidrs([(outer, "outer"), (inner, "inner")]).nearest(IPv4Address("192.0.2.1"))
        'inner'
        """
        return next(iter(self.holding(address)), None)


def parse_cidr(text: str) -> Network:
    """A network as a user writes it; a bare address is a network of one.

    Raises:
        ValueError: it is none; the message is a clause that says what to write.

    >>> parse_cidr("192.0.2.7")
    IPv4Network('192.0.2.7/32')
    >>> parse_cidr("192.0.2.7/24")
    Traceback (most recent call last):
    ValueError: '192.0.2.7/24' has host bits set; write 192.0.2.0/24, or 192.0.2.7 for one address
    """
    try:
        network = ip_network(text)
    except ValueError as error:
        raise ValueError(f"{shortened(text)} {_fault(text)}") from error
    if "%" in text:
        raise ValueError(f"{shortened(text)} has a zone, but flow logs have none; leave it out")
    return network


def _fault(text: str) -> str:
    """Why a text isn't taken for a network, and what to write."""
    try:
        meant = ip_network(text, strict=False)
    except ValueError:
        return "is neither an address nor a CIDR; try 203.0.113.7 or 10.0.0.0/8"
    address = text.partition("/")[0]
    return f"has host bits set; write {meant}, or {address} for one address"


def read_allowed(paths: Iterable[Path]) -> Cidrs[Allowed]:
    """Allow-lists, as one.

    Raises:
        UsageError: a file can't be read, or a line isn't `CIDR reason`.
    """
    found: list[tuple[Network, Allowed]] = []
    for path in paths:
        for number, line in lines(path):
            match = _ALLOWED.fullmatch(line)
            try:
                network = parse_cidr(match["cidr"] if match else line)
            except ValueError as error:
                raise bad(path, number, str(error)) from error
            found.append((network, Allowed(network, match["reason"] if match else "")))
    return Cidrs(found)
