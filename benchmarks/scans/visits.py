"""A client opens something of ours: the flows that follow, by what it meets and how it behaves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.scans.capture import FIN, RST, SYN, SYN_ACK, Capture, Value
from benchmarks.scans.network import DAY, ICMP, TCP, UDP, Answer, Network

RETRIES_AFTER = np.array([0, 1, 3, 7])
"""Seconds after the first SYN at which an ordinary stack has sent it again."""

IPV6_EXTRA = 20
"""Bytes by which an IPv6 header is longer."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How a client opens and talks; a field is one value for all visits, or an array of one each.

    `syn` is the size of its opening packet in bytes, `retries` how often it sends that again at
    most. With `half` it resets once it has an answer. A session has `packets` inward in the
    median, spread by `spread` (sigma of a log-normal) over `seconds`; packets are of `inward` and
    `outward` bytes.
    """

    syn: np.ndarray | int = 60
    retries: np.ndarray | int = 3
    half: np.ndarray | bool = False
    packets: int = 14
    spread: float = 0.7
    seconds: int = 6
    inward: int = 140
    outward: int = 800


BROWSER = Manner()
CALLER = Manner(packets=11, spread=0.4, seconds=2, inward=220, outward=400)
MAILER = Manner(packets=18, spread=0.6, seconds=8, inward=600, outward=90)
LOGIN = Manner(packets=60, spread=1.0, seconds=600, inward=110, outward=180)
CHECK = Manner(retries=1, packets=6, spread=0.15, seconds=1, inward=90, outward=160)
CONNECT_CHECK = Manner(retries=1, half=True)
DATAGRAM = Manner(syn=72, retries=0, packets=1, spread=0.5, seconds=1, inward=76, outward=160)
STREAM = Manner(syn=90, retries=1, packets=120, spread=1.0, seconds=300, inward=180, outward=200)
PING = Manner(syn=84, retries=2, packets=4, spread=0.2, seconds=4, inward=84, outward=84)
GUESSER = Manner(syn=60, retries=2, packets=15, spread=0.2, seconds=5, inward=130, outward=170)


@dataclass(frozen=True, slots=True)
class World:
    """What a kind of traffic is made from: chance of its own, and what it shares with others."""

    rng: np.random.Generator
    network: Network
    capture: Capture
    days: int

    @property
    def seconds(self) -> int:
        """How long the log is."""
        return self.days * DAY


def visit(
    world: World,
    peer: np.ndarray,
    when: np.ndarray,
    host: np.ndarray,
    port: np.ndarray | int,
    *,
    manner: Manner,
    protocol: np.ndarray | int = TCP,
    source_port: np.ndarray | None = None,
    ipv6: bool = False,
) -> None:
    """One opening a row, and what comes of it; visits after the log's end are left out.

    Without `source_port` every visit has an ephemeral one of its own.
    """
    ephemeral = world.rng.integers(32_768, 61_000, len(peer))
    columns = np.broadcast_arrays(
        peer, when.astype(np.int64), host, port, protocol,
        ephemeral if source_port is None else source_port,
        manner.syn, manner.retries, manner.half,
    )  # fmt: skip
    inside = columns[1] < world.seconds
    peer, when, host, port, protocol, source_port, syn, retries, half = (
        column[inside] for column in columns
    )
    port = np.where(protocol == ICMP, 0, port)
    source_port = np.where(protocol == ICMP, 0, source_port)
    syn = syn + IPV6_EXTRA * ipv6
    answer = world.network.answer(host, protocol, port, when)
    common = {
        "eni": host, "peer": peer, "own_port": port, "peer_port": source_port,
        "protocol": protocol, "start": when,
    }  # fmt: skip
    add = _Adder(world, common, ipv6)
    tcp = protocol == TCP
    unanswered = (answer == Answer.REFUSED) | (answer == Answer.SILENT)
    add.unanswered(unanswered, syn, retries, tcp, refused=answer == Answer.REFUSED)
    add.reset(answer == Answer.RESET, syn)
    served = answer == Answer.SERVED
    add.half(served & half, syn)
    add.session(served & ~half, manner, protocol)


@dataclass(frozen=True, slots=True)
class _Adder:
    """Adds the flows of those visits that met one answer."""

    world: World
    common: dict[str, np.ndarray]
    ipv6: bool

    def unanswered(
        self,
        chosen: np.ndarray,
        syn: np.ndarray,
        retries: np.ndarray,
        tcp: np.ndarray,
        *,
        refused: np.ndarray,
    ) -> None:
        most = retries[chosen]
        again = self.world.rng.integers(np.minimum(most, 1), most + 1)
        flags = np.where(tcp[chosen], SYN, 0)
        self._add(
            chosen, opens=True, packets=1 + again, bytes=(1 + again) * syn[chosen],
            seconds=RETRIES_AFTER[again], opening=flags, closing=flags, refused=refused[chosen],
        )  # fmt: skip

    def reset(self, chosen: np.ndarray, syn: np.ndarray) -> None:
        self._add(chosen, opens=True, bytes=syn[chosen], opening=SYN)
        self._add(chosen, inward=False, opening=RST)

    def half(self, chosen: np.ndarray, syn: np.ndarray) -> None:
        """SYN, SYN-ACK, RST; who completes the handshake first sends an ACK between."""
        acknowledged = (syn[chosen] > 44).astype(np.int64)
        size = syn[chosen] + 40 + 52 * acknowledged
        self._add(
            chosen, opens=True, packets=2 + acknowledged, bytes=size, opening=SYN, closing=RST
        )
        self._add(chosen, inward=False, bytes=44 + 16 * acknowledged, opening=SYN_ACK)

    def session(self, chosen: np.ndarray, manner: Manner, protocol: np.ndarray) -> None:
        rng, count = self.world.rng, int(chosen.sum())
        tcp = protocol[chosen] == TCP
        longer = rng.lognormal(0, manner.spread, count)
        inward = np.maximum((manner.packets * longer).astype(np.int64), np.where(tcp, 4, 1))
        outward = np.maximum((inward * rng.uniform(0.7, 1.2, count)).astype(np.int64), 1)
        seconds = (manner.seconds * longer).astype(np.int64)
        sizes = rng.uniform(0.8, 1.3, (2, count))
        asked = (inward * manner.inward * sizes[0]).astype(np.int64)
        told = (outward * manner.outward * sizes[1]).astype(np.int64)
        close = np.where(tcp, np.where(rng.random(count) < 0.1, RST, FIN), 0)
        self._add(
            chosen, opens=True, packets=inward, bytes=asked, seconds=seconds,
            opening=np.where(tcp, SYN, 0), closing=close,
        )  # fmt: skip
        self._add(
            chosen, inward=False, packets=outward, bytes=told, seconds=seconds,
            opening=np.where(tcp, SYN_ACK, 0), closing=np.where(tcp, FIN, 0),
        )  # fmt: skip

    def _add(self, chosen: np.ndarray, **values: Value) -> None:
        rows = {name: column[chosen] for name, column in self.common.items()}
        self.world.capture.add(**{**rows, "ipv6": self.ipv6, **values})


def call_out(
    world: World,
    peer: np.ndarray,
    when: np.ndarray,
    host: np.ndarray,
    port: np.ndarray,
    *,
    protocol: int = TCP,
    own_port: np.ndarray | None = None,
) -> np.ndarray:
    """Our hosts open something outside and are answered; returns the port on our side.

    A private host's traffic passes a NAT gateway, whose interface logs it again on both sides.
    """
    rng, count = world.rng, len(peer)
    ephemeral = rng.integers(32_768, 61_000, count)
    own_port = ephemeral if own_port is None else own_port
    udp = protocol == UDP
    packets = np.maximum((2 if udp else 14) * rng.lognormal(0, 0.8, count), 1 if udp else 5)
    packets = packets.astype(np.int64)
    seconds = (4 * rng.lognormal(0, 1.0, count)).astype(np.int64) * (not udp)
    ours: dict[str, Value] = {
        "start": when, "seconds": seconds, "packets": packets, "protocol": protocol,
        "bytes": packets * rng.integers(76, 200, count),
        "opening": 0 if udp else SYN, "closing": 0 if udp else FIN,
    }  # fmt: skip
    theirs: dict[str, Value] = {
        **ours, "bytes": packets * rng.integers(90, 1_300, count),
        "opening": 0 if udp else SYN_ACK,
    }  # fmt: skip
    ends: dict[str, Value] = {"own_port": own_port, "peer_port": port}
    world.capture.add(eni=host, peer=peer, inward=False, **ends, **ours)
    world.capture.add(eni=host, peer=peer, inward=True, **ends, **theirs)
    private = np.flatnonzero(np.isin(host, world.network.hosts("private")))
    _translate(world, private, host, peer, ends, ours, theirs)
    return own_port


def _translate(
    world: World,
    rows: np.ndarray,
    host: np.ndarray,
    peer: np.ndarray,
    ends: dict[str, Value],
    ours: dict[str, Value],
    theirs: dict[str, Value],
) -> None:
    """The four records of a NAT gateway for the flows of these rows."""
    gateway = world.rng.choice(world.network.hosts("nat"), len(rows))
    port = world.rng.integers(1_024, 65_536, len(rows))
    outgoing, answers, ends = (
        {name: np.broadcast_to(column, host.shape)[rows] for name, column in table.items()}
        for table in (ours, theirs, ends)
    )
    near = {
        "eni": gateway, "peer": host[rows], "packet_own": peer[rows],
        "own_port": ends["peer_port"], "peer_port": ends["own_port"],
    }  # fmt: skip
    far = {
        "eni": gateway, "peer": peer[rows],
        "own_port": port, "peer_port": ends["peer_port"],
    }  # fmt: skip
    world.capture.add(inward=True, **near, **outgoing)
    world.capture.add(inward=False, **far, **outgoing)
    world.capture.add(inward=True, **far, **answers)
    world.capture.add(inward=False, **near, **answers)
