"""Hand-made and drawn traffic for the tests of the scan detector, and what it makes of it.

Records are lines as in `query_world`; here they become log files, for the detector reads files.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from query_world import EPOCH, TOKENS, flows, record, run
from query_world import database as connect
from scan_oracle import judge

import flowlens as fl
from flowlens.answers.scanners.result import Scanners
from flowlens.pipeline.evidence import Evidence

HEADER = (
    "account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end "
    "action log-status tcp-flags flow-direction interface-type\n"
)
DAY = 86_400


def write(path: Path, lines: Iterable[str]) -> Path:
    """A log file with a header and these records."""
    path.write_text(HEADER + "".join(f"111122223333 {_text(line)}\n" for line in lines))
    return path


def _text(line: str) -> str:
    words = line.split()
    values = dict(zip(TOKENS, words, strict=False))
    values |= dict.fromkeys(("tcp_flags", "flow_direction", "interface_type"), "-")
    values |= dict(word.split("=") for word in words[len(TOKENS) :])
    for name in ("start_time", "end_time"):
        values[name] = str(EPOCH + int(values[name]))
    return " ".join(values.values())


def several(text: str) -> list[str]:
    """The lines of a block of text, without the empty ones."""
    return [line for line in text.splitlines() if line.strip()]


def scanners(path: Path, lines: Iterable[str] | str, **options: Any) -> Scanners:
    """What the detector makes of these records; all tiers."""
    some = several(lines) if isinstance(lines, str) else lines
    return fl.read(write(path / "flows.log", some)).scanners(**{"tier": "all", **options})


def rows(found: Scanners) -> dict[str, dict[str, Any]]:
    """What the queries say of each source and network; times are seconds from EPOCH."""
    return {row["srcaddr"]: row for row in map(_plain, found.detection.sources.to_pylist())}


def verdict(path: Path, lines: Iterable[str] | str, **options: Any) -> dict[str, Any]:
    """The one source from outside that there is."""
    (row,) = (
        row
        for row in rows(scanners(path, lines, **options)).values()
        if not row["inside"] and row["members"] is None
    )
    return row


def expected(lines: list[str], **numbers: float) -> dict[str, dict[str, Any]]:
    """The same by the oracle, with the columns that it leaves out because they say nothing."""
    table = flows("\n".join(lines))
    enis: dict[str, set[str]] = {}
    for eni in run(connect(table, "enis"), "enis").to_pylist():
        enis[eni["interface_id"]] = {eni["ipv4"], eni["ipv6"]} - {None}
    found = judge([record(line) for line in lines], enis, evidence=Evidence(numbers))
    return {
        source: {**_NOTHING, "srcaddr": source, **_since_epoch(row)}
        for source, row in found.items()
    }


_COUNTED = (
    "evidence", "bar", "contacts", "targets", "hosts", "ports", "answered", "accepted", "sessions",
    "refused_icmp", "refused_free", "refused_served", "refused_only", "allowed", "touches_answered",
    "half_open", "connectionless", "touches_session", "swept", "lone", "insisted", "retried",
    "found_open",
)  # fmt: skip
_UNKNOWN = (
    "shape", "pace", "alarm_at", "alarm_contact", "basis", "records", "one_srcport", "syn_bytes",
    "members",
)  # fmt: skip
_NOTHING: Mapping[str, Any] = dict.fromkeys(_COUNTED, 0) | dict.fromkeys(_UNKNOWN)
_TIMES = ("first_seen", "last_seen", "alarm_at")


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {
        name: int(value.timestamp()) - EPOCH if isinstance(value, datetime) else value
        for name, value in row.items()
    }


def _since_epoch(row: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value - EPOCH if name in _TIMES and value is not None else value
        for name, value in row.items()
    }


PEERS = [f"203.0.113.{n}" for n in range(1, 6)] + ["198.51.100.7"]
PEERS_6 = [f"2001:db8::{n}" for n in range(1, 4)]
HOSTS = [
    ("eni-a", "10.0.0.5"),
    ("eni-b", "10.0.0.5"),  # another VPC
    *((f"eni-{n}", f"10.0.1.{n}") for n in range(8)),
]
HOSTS_6 = [("eni-x", "fd00::5"), ("eni-y", "fd00::6")]
PORTS = (22, 23, 53, 80, 123, 443, 500, 700, 3389, 8080, 12_345, 33_440, 33_441, 40_000, 50_001)
PROTOCOLS = (6, 6, 6, 6, 17, 17, 1, 47)
SYN, SYN_ACK = 2, 18


@st.composite
def records(draw: st.DrawFn, *, days: int = 4, directed: bool = False) -> list[str]:
    """Some dozens of records of all kinds, in which a peer is likely met more than once.

    One is refused, for a log of accepted ones alone isn't judged. `directed` gives all of them
    their direction, so that whose address is whose doesn't depend on the other records.
    """
    version_2 = draw(st.booleans())
    directed = directed or draw(st.booleans())
    lines = [_line("192.0.2.99", ("eni-z", "10.0.9.9"), (45_000, 23), 0, "REJECT")]
    for _ in range(draw(st.integers(1, 8))):
        scene = draw(st.sampled_from((_any, _any, _knocks, _wave, _sessions, _calls, _own)))
        lines += draw(scene(days))
    return [_as_logged(line, version_2, directed) for line in lines]


def _as_logged(line: str, version_2: bool, directed: bool) -> str:
    words = line.split()
    if version_2:
        words = [word for word in words if not word.startswith("tcp_flags")]
    if not directed:
        words = [word for word in words if not word.startswith("flow_direction")]
    return " ".join(words)


def _line(
    peer: str,
    host: tuple[str, str],
    ports: tuple[object, object],
    seconds: int,
    action: str = "ACCEPT",
    *,
    out: bool = False,
    protocol: int = 6,
    packets: int = 1,
    size: int = 40,
    flags: int | None = SYN,
    length: int = 30,
) -> str:
    """A record between a peer's port and a host's; `out` if the host sent it."""
    ends = [(peer, ports[0]), (host[1], ports[1])]
    (source, srcport), (target, dstport) = reversed(ends) if out else ends
    return (
        f"{host[0]} {source} {target} {srcport} {dstport} {protocol} {packets} {packets * size} "
        f"{seconds} {seconds + length} {action} OK"
        + ("" if flags is None or protocol != 6 else f" tcp_flags={flags}")
        + f" flow_direction={'egress' if out else 'ingress'}"
    )


def _times(days: int) -> st.SearchStrategy[int]:
    """Seconds; often near midnight, and often the same."""
    seconds = st.one_of(
        st.sampled_from((0, 30, 600, 43_200, 86_000, 86_390)), st.integers(0, 86_399)
    )
    return st.tuples(st.integers(0, days - 1), seconds).map(lambda at: at[0] * DAY + at[1])


@st.composite
def _pair(draw: st.DrawFn) -> tuple[str, tuple[str, str]]:
    if draw(st.integers(0, 4)) == 0:
        return draw(st.sampled_from(PEERS_6)), draw(st.sampled_from(HOSTS_6))
    inside = [address for _, address in HOSTS[2:5]]
    peer = draw(st.sampled_from(PEERS * 2 + inside))
    return peer, draw(st.sampled_from([host for host in HOSTS if host[1] != peer]))


@st.composite
def _any(draw: st.DrawFn, days: int) -> list[str]:
    """Records without any sense between one peer and one host."""
    peer, host = draw(_pair())
    lines = []
    for _ in range(draw(st.integers(1, 6))):
        line = _line(
            peer,
            host,
            (draw(st.sampled_from((*PORTS, "-"))), draw(st.sampled_from((*PORTS, "-")))),
            draw(_times(days)),
            draw(st.sampled_from(("ACCEPT", "REJECT"))),
            out=draw(st.booleans()),
            protocol=draw(st.sampled_from(PROTOCOLS)),
            packets=draw(st.sampled_from((0, 1, 3, 4, 9))),
            size=draw(st.sampled_from((0, 40, 41, 44, 60, 61, 500))),
            flags=draw(st.sampled_from((None, 0, 2, 3, 4, 6, 7, 16, 18, 19, 22))),
            length=draw(st.sampled_from((0, 30, 600))),
        )
        if draw(st.integers(0, 9)) == 0:
            line = line.replace(" OK", draw(st.sampled_from((" NODATA", " SKIPDATA"))), 1)
        if draw(st.integers(0, 9)) == 0:
            line += " interface_type=nat_gateway"
        lines.append(line)
    return lines


@st.composite
def _knocks(draw: st.DrawFn, days: int) -> list[str]:
    """A peer that tries some hosts and ports, all with one outcome."""
    peer = draw(st.sampled_from(PEERS))
    srcport = draw(st.sampled_from((6000, 45_000, 443)))
    start, gap = draw(_times(days)), draw(st.sampled_from((0, 1, 40, 4000, 30_000)))
    hosts = draw(st.lists(st.sampled_from(HOSTS), min_size=1, max_size=8, unique=True))
    ports = draw(st.lists(st.sampled_from(PORTS), min_size=1, max_size=4, unique=True))
    protocol = draw(st.sampled_from(PROTOCOLS))
    action = draw(st.sampled_from(("REJECT", "REJECT", "ACCEPT")))
    flags = draw(st.sampled_from((SYN, SYN, 6)))
    return [
        _line(
            peer,
            host,
            (srcport, port),
            start + gap * number,
            action,
            protocol=protocol,
            flags=flags,
        )
        for number, (host, port) in enumerate((host, port) for port in ports for host in hosts)
        if start + gap * number < days * DAY
    ]


@st.composite
def _wave(draw: st.DrawFn, days: int) -> list[str]:
    """All peers of a network, each with a host or two of its own."""
    port, start = draw(st.sampled_from(PORTS)), draw(_times(days))
    action = draw(st.sampled_from(("REJECT", "REJECT", "ACCEPT")))
    lines = []
    for number, peer in enumerate(PEERS[: draw(st.integers(2, 5))]):
        for host in HOSTS[2 + number : 4 + number]:
            lines.append(_line(peer, host, (45_000 + number, port), start, action))
    return lines


@st.composite
def _sessions(draw: st.DrawFn, days: int) -> list[str]:
    """A peer that is served."""
    peer, host = draw(_pair())
    port = draw(st.sampled_from(PORTS))
    lines = []
    for number in range(draw(st.integers(1, 3))):
        at, ports = draw(_times(days)), (45_000 + number, port)
        lines.append(_line(peer, host, ports, at, packets=9, size=400, flags=3))
        lines.append(_line(peer, host, ports, at, packets=9, size=900, flags=19, out=True))
    return lines


@st.composite
def _calls(draw: st.DrawFn, days: int) -> list[str]:
    """A connection that our own side opened, with answers then or on another day."""
    peer, host = draw(_pair())
    ports = draw(st.sampled_from(((443, 40_000), (53, 40_000), (40_000, 40_000), (12_345, 8080))))
    protocol = draw(st.sampled_from((6, 6, 17)))
    out = [
        _line(peer, host, ports, draw(_times(days)), protocol=protocol, packets=4, out=True)
        for _ in range(draw(st.integers(1, 2)))
    ]
    back = [
        _line(
            peer,
            host,
            ports,
            draw(_times(days)),
            draw(st.sampled_from(("ACCEPT", "REJECT"))),
            protocol=protocol,
            flags=draw(st.sampled_from((SYN_ACK, 4, 16))),
        )
        for _ in range(draw(st.integers(1, 3)))
    ]
    return out + back


@st.composite
def _own(draw: st.DrawFn, days: int) -> list[str]:
    """A host of ours that calls some hosts, outside or inside, of which some answer."""
    host = draw(st.sampled_from(HOSTS[2:5]))
    others = draw(st.lists(st.sampled_from([*PEERS, *(h[1] for h in HOSTS[5:])]), min_size=1,
                           max_size=7, unique=True))  # fmt: skip
    ports = draw(st.lists(st.sampled_from(PORTS), min_size=1, max_size=3, unique=True))
    protocol = draw(st.sampled_from((6, 6, 17)))
    start, packets = draw(_times(days)), draw(st.sampled_from((1, 2, 4, 9)))
    lines = []
    for number, (other, port) in enumerate((o, p) for p in ports for o in others):
        at = min(start + 40 * number, days * DAY - 1)
        action = draw(st.sampled_from(("ACCEPT", "ACCEPT", "REJECT")))
        lines.append(_line(other, host, (port, 41_000), at, action, protocol=protocol,
                           packets=packets, size=draw(st.sampled_from((40, 70))), out=True,
                           flags=draw(st.sampled_from((SYN, 3, 6)))))  # fmt: skip
        if draw(st.integers(0, 3)) == 0:
            lines.append(_line(other, host, (port, 41_000), at, protocol=protocol, packets=packets,
                               size=draw(st.sampled_from((40, 70))), flags=SYN_ACK))  # fmt: skip
    return lines


numbers = st.fixed_dictionaries(
    {},
    optional={
        "alpha": st.sampled_from((0.000_001, 0.001)),
        "fading": st.sampled_from((0.0, 0.25, 3.0)),
        "answered": st.sampled_from((0.5, 0.0)),
        "trust_sessions": st.integers(1, 3),
        "trust_days": st.integers(1, 2),
        "probe_contacts": st.integers(0, 3),
        "own_sweep": st.integers(1, 3),
        "own_answered": st.sampled_from((0.3, 1.0)),
        "own_insists": st.integers(2, 9),
        "own_peer_ports": st.sampled_from((1, 2, 50)),
        "own_passed_ports": st.integers(1, 2),
        "inside": st.sampled_from((0.0, 6.3)),
        "group_members": st.integers(2, 3),
        "session_packets": st.sampled_from((1, 4)),
        "half_open_records": st.integers(0, 3),
        "opened_before": st.sampled_from((600, 86_400)),
        "opened_after": st.sampled_from((0, 600, 90_000)),
        "rejects_records": st.integers(1, 6),
        "rejects_seconds": st.sampled_from((60, 86_400)),
        "rejects_log_seconds": st.sampled_from((60, 43_200)),
        "one_port_share": st.sampled_from((0.4, 1.0)),
        "vertical_ports": st.integers(2, 4),
        "block_side": st.integers(2, 3),
        "few": st.integers(1, 4),
        "fast": st.sampled_from((1, 60)),
    },
)
"""Numbers of the evidence that make rare things frequent."""
