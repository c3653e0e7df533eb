"""Whom to ask: resolvers as a user writes them, or as the system has them."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, ip_address

from flowlens.core.errors import UsageError
from flowlens.naming.dns.special import Reach, reach

PORT = 53

VPC_CEILING = 900.0
"""Queries a second to a VPC's own resolver, which drops what exceeds 1,024 packets a second and
network interface (AWS, "Amazon DNS quotas")."""

_PORTS = ("53", "5353")
"""What is taken for a port where an IPv6 address before it would be whole without."""

_LONGEST = 60

_VPC = (ip_address("169.254.169.253"), ip_address("fd00:ec2::253"))
_WRITTEN = re.compile(
    r"\[(?P<v6>[^\]]+)\](:(?P<port6>[0-9]+))?|(?P<host>[^:]+)(:(?P<port>[0-9]+))?"
)


@dataclass(frozen=True, slots=True)
class Server:
    """A resolver's address and port."""

    host: str
    port: int = PORT

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def is_vpc(self) -> bool:
        """Whether it is, or may be, a VPC's own resolver.

        That is at the VPC's base plus two; CIDRs there are /16 to /28, so what is private and two
        above a multiple of 16 may be one.
        """
        address = ip_address(self.host)
        if not isinstance(address, IPv4Address) or reach(address.packed) is not Reach.PRIVATE:
            return address in _VPC
        return int(address) % 16 == 2


def servers(written: Iterable[str], *, option: str = "--resolver") -> tuple[Server, ...]:
    """The servers behind `HOST`, `HOST:PORT`, `[IPv6]:PORT`, each once; a name's in its order.

    Raises:
        UsageError: a text is none of these, or a host has no address.

    >>> [str(server) for server in servers(["192.0.2.1", "[2001:db8::1]:5353", "2001:db8::1"])]
    ['192.0.2.1:53', '[2001:db8::1]:5353', '[2001:db8::1]:53']
    """
    return tuple(dict.fromkeys(server for text in written for server in _servers(text, option)))


def system() -> tuple[Server, ...]:
    """The system's own resolvers.

    Raises:
        UsageError: it has none.
    """
    import dns.resolver

    try:
        found = dns.resolver.Resolver().nameservers
    except dns.resolver.NoResolverConfiguration:
        found = []
    hosts = [text for text in map(str, found) if _is_address(text)]
    if not hosts:
        raise UsageError("the system names no resolver; name one with --resolver HOST[:PORT]")
    return tuple(Server(host) for host in hosts)


def written(text: str, *, option: str = "--resolver") -> tuple[str, int]:
    """The host and the port that a text names; the host isn't looked up.

    Raises:
        UsageError: the text is no `HOST`, `HOST:PORT` or `[IPv6]:PORT`.

    >>> written("ns.example.net:5353"), written("2001:db8::1")
    (('ns.example.net', 5353), ('2001:db8::1', 53))
    """
    place = _placed(text, option)
    address, colon, port = text.rpartition(":")
    if _is_address(text):
        if port in _PORTS and _is_address(address):
            raise UsageError(f"{place}: write [{address}]{colon}{port}, or [{text}] for an address")
        return text, PORT
    match = _WRITTEN.fullmatch(text)
    if match is None:
        raise UsageError(f"{place}: write HOST, HOST:PORT or [IPv6]:PORT")
    digits = (match["port6"] or match["port"] or str(PORT)).lstrip("0")
    number = int(digits) if 0 < len(digits) <= 5 else 0
    if not 0 < number < 65536:
        raise UsageError(f"{place}: ports go from 1 to 65535")
    return match["v6"] or match["host"], number


def _servers(text: str, option: str) -> list[Server]:
    """A host may have addresses where nobody serves, such as `localhost` has ::1: all are taken."""
    host, number = written(text, option=option)
    if _is_address(host):
        return [Server(str(ip_address(host)), number)]
    try:
        found = socket.getaddrinfo(host, number, type=socket.SOCK_DGRAM)
    except (OSError, UnicodeError) as error:
        place = _placed(text, option)
        raise UsageError(f"{place}: this host has no address; write its address") from error
    return [Server(str(address[0]), number) for *_, address in found]


def _placed(text: str, option: str) -> str:
    return f"{option} {text if len(text) <= _LONGEST else text[: _LONGEST - 1] + '…'}"


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
