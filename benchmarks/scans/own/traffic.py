"""A week of flow logs of 1,500 hosts of our own, and the truth about each of them.

Frozen before the detector was tuned: the same seed gives the same records with the same numpy.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl

from benchmarks.scans.capture import Capture, records
from benchmarks.scans.network import DAY
from benchmarks.scans.own import benign, scanners
from benchmarks.scans.own.calls import Place, network
from benchmarks.scans.rows import START, rows
from benchmarks.scans.targets import family
from benchmarks.scans.traffic import Traffic

DAYS = 7
LOGGED, UNLOGGED = 100, 100
"""Hosts inside that are called, with a log of their own and without."""

BEHIND = "10.60."
"""How addresses of hosts without a log begin.

The gateways' clients are among them, and try telnet at a dozen sites each, nearly all dead; they
are in no truth, so that an alarm is neither right nor wrong.
"""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of hosts: how many, whether they scan, and what makes their traffic."""

    name: str
    number: int
    make: Callable[[Place, int], None]
    scans: bool = False


KINDS = (
    Kind("web server", 120, benign.web_server),
    Kind("proxy", 30, benign.proxy),
    Kind("crawler", 25, benign.crawler),
    Kind("mail server", 40, benign.mail_server),
    Kind("mail, blocked", 30, benign.mail_blocked),
    Kind("resolver", 25, benign.resolver),
    Kind("monitoring", 40, benign.monitoring),
    Kind("health check", 60, benign.health_check),
    Kind("peer to peer, TCP", 30, benign.peer_to_peer),
    Kind("peer to peer, UDP", 20, benign.peer_tables),
    Kind("locked down", 60, benign.locked_down),
    Kind("without a route", 60, benign.without_route),
    Kind("bastion", 60, benign.bastion),
    Kind("dead pool", 60, benign.dead_pool),
    Kind("Kubernetes node", 60, benign.kubernetes_node),
    Kind("backup", 40, benign.backup),
    Kind("configuration", 30, benign.configuration),
    Kind("gossip", 40, benign.gossip),
    Kind("one-way UDP", 40, benign.one_way),
    Kind("media", 30, benign.media),
    Kind("webhooks", 30, benign.webhooks),
    Kind("gateway", 10, benign.gateway),
    Kind("worm", 60, scanners.worm, scans=True),
    Kind("sweep", 60, scanners.sweep, scans=True),
    Kind("slow sweep", 40, scanners.slow_sweep, scans=True),
    Kind("vertical", 40, scanners.vertical, scans=True),
    Kind("block", 50, scanners.block, scans=True),
    Kind("web sweep", 40, scanners.web_sweep, scans=True),
    Kind("guesser", 40, scanners.guesser, scans=True),
    Kind("forbidden", 50, scanners.forbidden, scans=True),
    Kind("datagrams", 40, scanners.datagrams, scans=True),
    Kind("connector", 40, scanners.connector, scans=True),
    Kind("again and again", 20, scanners.again, scans=True),
    Kind("IPv6", 20, scanners.over_ipv6, scans=True),
    Kind("busy", 60, scanners.busy, scans=True),
)


def draw(seed: int, *, days: int = DAYS, scale: float = 1.0) -> Traffic:
    """The traffic of a seed, with `scale` times the usual number of hosts."""
    labels = [kind for kind in KINDS for _ in range(max(round(kind.number * scale), 1))]
    callers, hosts = len(labels), len(labels) + LOGGED
    rng = _chance(seed, "network")
    addresses = [f"10.{40 + n // 2_500}.{n // 250 % 10}.{n % 250 + 1}" for n in range(hosts)]
    ipv6 = [f"2600:1f18:4a3:1::{n + 16:x}" if kind.name == "IPv6" else ""
            for n, kind in enumerate([*labels, *[KINDS[0]] * LOGGED])]  # fmt: skip
    net = network(hosts, np.arange(hosts) % 2, addresses, ipv6, rng)
    place = Place(
        rng=rng, capture=Capture(), days=days, logged=np.arange(callers, hosts),
        unlogged=np.arange(hosts, hosts + UNLOGGED),
        outside=[f"{BEHIND}{n // 250}.{n % 250 + 1}" for n in range(UNLOGGED)], first_outside=hosts,
    )  # fmt: skip
    for host, kind in enumerate(labels):
        place.rng = _chance(seed, f"{kind.name} {host}")
        kind.make(place, host)
    calls = pl.DataFrame(
        {name: np.concatenate([part[name] for part in place.calls]) for name in place.calls[0]}
    )
    touches = calls.with_columns(
        service=family(calls["protocol"].to_numpy(), calls["port"].to_numpy()),
        pair=calls["protocol"] * 65_536 + calls["port"],
        start=pl.col("start") + START,
    )
    table = records(place.capture.flows(), net, until=days * DAY)
    names = pl.Series(
        [v6 if kind.name == "IPv6" else v4
         for v4, v6, kind in zip(addresses[:callers], ipv6[:callers], labels, strict=True)]
    )  # fmt: skip
    counted = touches.group_by("host").agg(
        targets=pl.struct("target", "service").n_unique().cast(pl.Int64),
        ports=pl.struct("target", "pair").n_unique().cast(pl.Int64),
        first_seen=pl.col("start").min(),
    )
    truth = pl.DataFrame(
        {"host": np.arange(callers), "srcaddr": names, "kind": [kind.name for kind in labels],
         "scans": [kind.scans for kind in labels], "quiet": False}
    ).join(counted, on="host", how="left", maintain_order="left").drop("host")  # fmt: skip
    firsts = touches.group_by("host", "target", "service").agg(first=pl.col("start").min())
    return Traffic(
        records=rows(table, net, place.outside),
        truth=truth.with_columns(pl.col("targets", "ports").fill_null(0)),
        touches=firsts.sort("host", "first", "target", "service").select(
            srcaddr=names.gather(firsts.sort("host", "first", "target", "service")["host"]),
            first="first",
        ),
    )


def _chance(seed: int, purpose: str) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64([seed, zlib.crc32(f"own {purpose}".encode())]))
