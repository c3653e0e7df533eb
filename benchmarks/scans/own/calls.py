"""What a host of ours calls, and the flows that follow, at its ENI and at the other's if logged.

Hosts that call have an ENI each. Of the hosts inside that they call half are logged, too; the
others are addresses without a log, as everybody outside is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np

from benchmarks.scans.capture import FIN, RST, RST_ACK, SYN, SYN_ACK, Capture
from benchmarks.scans.network import DAY, TCP, Network


class Met(IntEnum):
    """What an opening meets."""

    FORBIDDEN = 0
    """Our own side refuses it on its way out."""
    SILENT = 1
    """Nobody answers: the target's side refuses it, or nobody is there."""
    RESET = 2
    HALF = 3
    """It is answered, and who asked breaks off."""
    SERVED = 4


@dataclass(slots=True)
class Place:
    """Who is there, and what has passed so far; hosts that call come first, then logged targets.

    `calls` collects host, target, protocol, port and start of every opening; where a scanner has
    work besides, those of its scan alone (`scanning`).
    """

    rng: np.random.Generator
    capture: Capture
    days: int
    logged: np.ndarray
    unlogged: np.ndarray
    outside: list[str]
    first_outside: int
    calls: list[dict[str, np.ndarray]] = field(default_factory=list)
    scanning: bool = True

    @property
    def seconds(self) -> int:
        """How long the log is."""
        return self.days * DAY

    def strangers(self, count: int) -> np.ndarray:
        """So many addresses outside that nobody else calls."""
        first = self.first_outside + len(self.outside)
        start = len(self.outside)
        self.outside += [_public(start + place) for place in range(count)]
        return np.arange(first, first + count)

    def inside(self, count: int) -> np.ndarray:
        """So many hosts inside, half of them with a log."""
        hosts = np.concatenate([self.logged, self.unlogged])
        return self.rng.permutation(hosts)[:count]


def _public(number: int) -> str:
    """An address of the wide world by number, spread so that neighbours share no /24."""
    mixed = (number * 2_654_435_761 + 12_345) % (60 << 24)
    whole = (35 << 24) + mixed
    return ".".join(str(whole >> shift & 255) for shift in (24, 16, 8, 0))


def call(
    place: Place,
    host: int,
    targets: np.ndarray,
    when: np.ndarray,
    port: np.ndarray | int,
    met: np.ndarray | int,
    *,
    protocol: np.ndarray | int = TCP,
    tries: tuple[int, int] = (1, 3),
    size: int = 60,
    own_port: int | None = None,
    packets: float = 14,
    ipv6: bool = False,
) -> None:
    """A host opens something at each target; `tries` is how often it sends the first packet."""
    rng = place.rng
    columns = np.broadcast_arrays(targets, when.astype(np.int64), port, met, protocol)
    kept = columns[1] < place.seconds
    target, when, port, met, protocol = (column[kept] for column in columns)
    count = len(target)
    near = rng.integers(32_768, 61_000, count) if own_port is None else np.full(count, own_port)
    if place.scanning:
        place.calls.append(
            {"host": np.full(count, host), "target": target, "protocol": protocol, "port": port,
             "start": when}
        )  # fmt: skip
    tcp = protocol == TCP
    again = rng.integers(tries[0], tries[1] + 1, count)
    served, half = met == Met.SERVED, (met == Met.HALF) & tcp
    said = np.maximum((packets * rng.lognormal(0, 0.6, count)).astype(np.int64), 5)
    said = np.where(served, np.where(tcp, said, again), np.where(half, 2, again))
    extra = 20 * ipv6
    length = np.where(served & tcp, rng.integers(90, 400, count), size + extra)
    length = np.where(half, 44 + extra, length)
    seconds = np.where(served, rng.integers(0, 20, count), np.minimum(2**again - 2, 60))
    closing = np.where(served, FIN, np.where(half, RST, SYN))
    out = {
        "start": when, "seconds": seconds, "packets": said, "bytes": said * length,
        "protocol": protocol, "opening": np.where(tcp, SYN, 0),
        "closing": np.where(tcp, closing, 0),
    }  # fmt: skip
    back_packets = np.where(served & tcp, np.maximum(said - 1, 1), again)
    answer = np.where(served | half, SYN_ACK, RST_ACK)
    back = {
        "start": when, "seconds": np.where(served, seconds, 0), "packets": back_packets,
        "bytes": back_packets * np.where(served, rng.integers(120, 900, count), 44 + extra)
        - 4 * back_packets * (met == Met.RESET),
        "protocol": protocol, "opening": np.where(tcp, answer, 0),
        "closing": np.where(tcp & served, FIN, np.where(tcp, answer, 0)),
    }  # fmt: skip
    answered = served | half | ((met == Met.RESET) & tcp)
    mine = {"eni": np.full(count, host), "peer": target, "own_port": near, "peer_port": port}
    theirs = {"eni": target, "peer": np.full(count, host), "own_port": port, "peer_port": near}
    everyone = np.ones(count, bool)
    seen = np.isin(target, place.logged) & (met != Met.FORBIDDEN)

    def add(rows: np.ndarray, ends: dict, values: dict, **more: object) -> None:  # type: ignore[type-arg]
        chosen = {
            name: np.broadcast_to(v, (count,))[rows] for name, v in {**ends, **values}.items()
        }
        place.capture.add(**chosen, ipv6=ipv6, **more)  # type: ignore[arg-type]

    add(everyone, mine, out, inward=False, refused=(met == Met.FORBIDDEN)[everyone])
    add(answered, mine, back, inward=True)
    add(seen, theirs, out, inward=True, refused=(met == Met.SILENT)[seen])
    add(seen & answered, theirs, back, inward=False)


def served_by(place: Place, host: int, clients: np.ndarray, port: int, sessions: int) -> None:
    """Others are served by a host of ours, at its ENI alone."""
    rng = place.rng
    peer = rng.choice(clients, sessions)
    near = rng.integers(32_768, 61_000, sessions)
    when = rng.integers(0, place.seconds, sessions)
    said = rng.integers(5, 30, sessions)
    ends = {"eni": np.full(sessions, host), "peer": peer, "own_port": port, "peer_port": near}
    common = {"start": when, "seconds": 5, "packets": said, "closing": FIN}
    place.capture.add(**ends, **common, inward=True, bytes=said * 200, opening=SYN)
    place.capture.add(**ends, **common, inward=False, bytes=said * 700, opening=SYN_ACK)


def network(hosts: int, vpcs: np.ndarray, addresses: list[str], ipv6: list[str],
            rng: np.random.Generator) -> Network:  # fmt: skip
    """The ENIs as the writer of records wants them."""
    interval = np.where(rng.random(hosts) < 0.25, 600, 60)
    return Network(
        role=np.full(hosts, "host"),
        vpc=vpcs,
        address=addresses,
        address6=ipv6,
        interface=[f"eni-0{number:016x}" for number in rng.integers(0, 1 << 60, hosts)],
        interval=interval,
        phase=rng.integers(0, interval),
        keys=np.array([], np.int64),
        answers=np.array([], np.int64),
        moving_at=0,
    )
