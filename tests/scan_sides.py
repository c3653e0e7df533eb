"""Records as our own side sees them, in plain Python: the first half of the detector's oracle."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from ipaddress import ip_address, ip_network
from typing import Any, NamedTuple

from flowlens.records import services

DAY = 86_400
TCP, UDP = 6, 17
SERVICE_SOURCES = (53, 123, 443, 1900, 11211)
PRIVATE = [
    ip_network(text)
    for text in (
        "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16",
        "fc00::/7", "fe80::/16",
    )
]  # fmt: skip
SERVICES = {(row["protocol"], row["port"]): row for row in services.table().to_pylist()}


class Target(NamedTuple):
    eni: str | None
    address: str
    protocol: int
    port: int
    called: str | None = None


@dataclass(frozen=True, slots=True)
class Side:
    """A record as our own side sees it."""

    inward: bool
    inside: bool
    peer: str
    target: Target
    peer_port: int
    refused: bool
    flags: int | None
    packets: int
    bytes: int
    gateway: bool
    start: int
    end: int

    @property
    def day(self) -> int:
        return self.start // DAY

    @property
    def told_port(self) -> int | None:
        """The peer's port, where our own side may have opened the connection."""
        return self.peer_port if self.peer_port <= self.target.port else None


@dataclass(slots=True)
class Exchange:
    """What went to and fro between a peer and a target; `srcport` is the peer's, if it is told."""

    target: Target
    srcport: int | None = None
    inward: list[Side] = field(default_factory=list)
    outward: list[Side] = field(default_factory=list)


def sides(
    rows: Iterable[Mapping[str, Any]], enis: Mapping[str, Collection[str]], own: Collection[str]
) -> Iterator[Side]:
    proven = {address for addresses in enis.values() for address in addresses} | set(own)

    def ours(address: str) -> bool:
        return address in proven or any(ip_address(address) in network for network in PRIVATE)

    for row in rows:
        source, target = row["srcaddr"], row["dstaddr"]
        if row["log_status"] != "OK" or row["action"] not in ("ACCEPT", "REJECT"):
            continue
        if row["protocol"] is None or None in (source, target) or source == target:
            continue
        srcport, dstport = row["srcport"] or 0, row["dstport"] or 0
        refused = row["action"] == "REJECT"
        at = enis.get(row["interface_id"], ())
        ingress = {"ingress": True, "egress": False}.get(row["flow_direction"])
        if ingress is None and (target in at or source in at):
            ingress = target in at
        inward = ingress
        if ours(source) != ours(target):
            if ingress not in (None, ours(target)):
                continue
            inward = ours(target)
        elif ingress is None:
            inward = refused or dstport < srcport
        peer, address = (source, target) if inward else (target, source)
        peer_port, port = (srcport, dstport) if inward else (dstport, srcport)
        yield Side(
            inward=inward,
            inside=ours(peer),
            peer=peer,
            target=Target(row["interface_id"], address, row["protocol"], port),
            peer_port=peer_port,
            refused=refused,
            flags=row["tcp_flags"] if row["protocol"] == TCP else None,
            packets=row["packets"] or 0,
            bytes=row["bytes"] or 0,
            gateway=row["interface_type"] in ("nat_gateway", "regional_nat_gateway"),
            start=int(row["start_time"].timestamp()),
            end=int(row["end_time"].timestamp()),
        )


def kind(side: Side) -> str:
    """What a record from a peer says of who began: syn, open, unsure or stray."""
    protocol, port = side.target.protocol, side.target.port
    if side.flags is not None:
        return "syn" if side.flags & 18 == 2 else "stray"
    listed = (protocol, port) in SERVICES
    if protocol not in (TCP, UDP) or (listed and (port < 1024 or is_(protocol, port, "probed"))):
        return "open"
    if protocol == UDP:
        return "stray" if side.peer_port in SERVICE_SOURCES else "open"
    if is_(protocol, side.peer_port, "service"):
        return "stray"
    return "open" if port < 1024 else "unsure"


def is_(protocol: int, port: int, what: str) -> bool:
    """Whether the table of services says so of a port."""
    row = SERVICES.get((protocol, port))
    return row is not None and bool(row[what])


def opening(side: Side) -> bool:
    """Whether a record of our own side's opens a connection."""
    if side.flags is not None:
        return side.flags & 18 == 2
    protocol = side.target.protocol
    return side.told_port is not None and (
        not is_(protocol, side.target.port, "probed") or is_(protocol, side.peer_port, "service")
    )


def answer(side: Side) -> bool:
    """Whether a record of our own side's says anything, and opens nothing."""
    if side.gateway or opening(side):
        return False
    if side.target.protocol != TCP:
        return side.bytes > 0
    if side.flags is None:
        return side.bytes > side.packets * (60 if ":" in side.target.address else 40)
    reset = side.flags & 4 == 4
    return side.flags & 18 == 18 or side.bytes > 60 * side.packets or (side.bytes > 0 and not reset)


def call(side: Side) -> Side | None:
    """A record at the ENI of a host of ours that calls, turned round: the host is the peer.

    It is inward if the host opens something, outward if that is answered; None if it is neither.
    """
    protocol, theirs, mine = side.target.protocol, side.peer_port, side.target.port
    if side.gateway:
        return None
    if side.flags is not None:
        calls = side.flags & 18 == (18 if side.inward else 2)
    elif protocol not in (TCP, UDP) or theirs == 0:
        calls = False
    elif theirs < mine:
        calls = not is_(protocol, mine, "probed") or is_(protocol, theirs, "service")
    else:
        calls = is_(protocol, theirs, "probed") and (protocol, mine) not in SERVICES
    if calls and side.inward and side.flags is None:
        header = (60 if ":" in side.peer else 40) * side.packets if protocol == TCP else 0
        calls = side.bytes > header
    if not calls:
        return None
    called = "internal" if side.inside else "outbound"
    return replace(
        side,
        inward=not side.inward,
        inside=True,
        peer=side.target.address,
        target=Target(side.target.eni, side.peer, protocol, theirs, called),
        peer_port=mine,
    )
