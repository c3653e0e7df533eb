"""Two weeks of flow logs with 14,610 sources from outside, and the truth about each of them.

Frozen before the detector was tuned: the same seed gives the same records with the same numpy,
whatever view of them is written. Tune on `TUNING` alone; `REPORT` decides.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
import polars as pl

from benchmarks.scans.capture import Capture, records
from benchmarks.scans.kinds import DISTRIBUTED, KINDS, OWN, Kind
from benchmarks.scans.network import DAY, Network, network
from benchmarks.scans.rows import START, quiet, rows
from benchmarks.scans.scanners import DISTRIBUTED_MEMBERS
from benchmarks.scans.targets import family
from benchmarks.scans.visits import World

TUNING = (1, 2, 3)
REPORT = (101, 102, 103, 104, 105)

DAYS = 14


@dataclass(frozen=True, slots=True)
class Traffic:
    """What passed in two weeks.

    `records`: all of them with every field, by end. `truth`: a row for each address that sends;
    srcaddr, kind, scans, quiet (not one alarm allowed), targets (hosts and services opened
    unasked, as targets.py counts them), ports (hosts and ports), first_seen (null where it opened
    nothing). `touches`: srcaddr and first, a row for each of the targets. Times are Unix seconds.
    """

    records: pl.DataFrame
    truth: pl.DataFrame
    touches: pl.DataFrame


def draw(seed: int, *, days: int = DAYS, scale: float = 1.0) -> Traffic:
    """The traffic of a seed, with `scale` times the usual number of sources."""
    net = network(_chance(seed, "network"), days=days)
    capture = Capture()
    outside: list[str] = []
    labels: list[Kind] = []
    for kind in KINDS:
        rng, count = _chance(seed, kind.name), max(round(kind.number * scale), 1)
        first = len(net.role) + len(outside)
        outside += _addresses(kind, count, _chance(seed, f"addresses of {kind.name}"), outside)
        labels += [kind] * count
        kind.make(World(rng, net, capture, days), np.arange(first, first + count))
    flows = capture.flows()
    table = records(flows, net, until=days * DAY)
    written = pl.concat(
        [rows(table, net, outside), quiet(table, net, _chance(seed, "quiet"), days=days)]
    )
    touches = _touches(flows)
    return Traffic(
        records=written.sort("end", maintain_order=True),
        truth=_truth(touches, net, outside, labels),
        touches=_named(touches, outside, first=len(net.role)),
    )


def _chance(seed: int, purpose: str) -> np.random.Generator:
    """A stream of its own for each purpose: a new kind of traffic changes none of the others."""
    return np.random.Generator(np.random.PCG64([seed, zlib.crc32(purpose.encode())]))


def _addresses(kind: Kind, count: int, rng: np.random.Generator, taken: list[str]) -> list[str]:
    """Addresses of a kind, different from each other and from those taken."""
    known = set(taken)
    made: list[str] = []
    if kind.ipv6:
        return [f"2a02:{one:x}::{rng.integers(1, 1 << 16):x}" for one in
                (rng.permutation(0xFFFF)[:count] + 1)]  # fmt: skip
    if kind.name == DISTRIBUTED:
        groups = np.array_split(np.arange(count), max(count // DISTRIBUTED_MEMBERS, 1))
        nets = 0xB9000000 + (rng.permutation(1 << 16)[: len(groups)] << 8)
        numbers = np.concatenate(
            [
                net + rng.permutation(254)[: len(group)] + 1
                for net, group in zip(nets, groups, strict=True)
            ]
        )
        return [_dotted(int(number)) for number in numbers]
    while len(made) < count:
        address = _dotted(int(rng.integers(0x22000000, 0x64000000)))
        if address not in known:
            known.add(address)
            made.append(address)
    return made


def _dotted(number: int) -> str:
    return ".".join(str(number >> shift & 255) for shift in (24, 16, 8, 0))


def _touches(flows: dict[str, np.ndarray]) -> pl.DataFrame:
    """The unasked openings: peer, interface, service, pair (protocol and port), start."""
    chosen = np.flatnonzero(flows["opens"])
    protocol, port = flows["protocol"][chosen], flows["own_port"][chosen]
    return pl.DataFrame(
        {
            "peer": flows["peer"][chosen],
            "eni": flows["eni"][chosen],
            "service": family(protocol, port),
            "pair": protocol << 16 | port,
            "start": START + flows["start"][chosen],
        }
    )


def _named(touches: pl.DataFrame, outside: list[str], *, first: int) -> pl.DataFrame:
    by_target = touches.group_by("peer", "eni", "service").agg(first=pl.col("start").min())
    ordered = by_target.sort("peer", "first", "eni", "service")
    return ordered.select(
        pl.Series(outside).gather(ordered["peer"] - first).alias("srcaddr"), "first"
    )


def _truth(
    touches: pl.DataFrame, net: Network, outside: list[str], labels: list[Kind]
) -> pl.DataFrame:
    counted = touches.group_by("peer").agg(
        targets=pl.struct("eni", "service").n_unique().cast(pl.Int64),
        ports=pl.struct("eni", "pair").n_unique().cast(pl.Int64),
        first_seen=pl.col("start").min(),
    )
    sources = pl.DataFrame(
        {
            "peer": len(net.role) + np.arange(len(outside)),
            "srcaddr": outside,
            "kind": [kind.name for kind in labels],
            "scans": [kind.scans for kind in labels],
            "quiet": [kind.quiet for kind in labels],
        }
    )
    own = sorted({*net.address, *net.address6} - {""})
    ours = pl.DataFrame({"srcaddr": own}).with_columns(
        kind=pl.lit(OWN), scans=pl.lit(False), quiet=pl.lit(False)
    )
    return (
        pl.concat([sources, ours], how="diagonal")
        .join(counted, on="peer", how="left", maintain_order="left")
        .drop("peer")
        .with_columns(pl.col("targets", "ports").fill_null(0))
    )
