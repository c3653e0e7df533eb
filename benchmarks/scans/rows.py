"""Records as flow logs write them: names for numbers, Unix times, every field of the views."""

from __future__ import annotations

import numpy as np
import polars as pl

from benchmarks.scans.capture import NO_ADDRESS
from benchmarks.scans.network import DAY, Network

START = 1_789_948_800
"""Midnight UTC, at which every log begins."""

ACCOUNT = "123456789012"
V2_FIELDS = (
    "version", "account-id", "interface-id", "srcaddr", "dstaddr", "srcport", "dstport",
    "protocol", "packets", "bytes", "start", "end", "action", "log-status",
)  # fmt: skip
V5_FIELDS = (
    *V2_FIELDS, "vpc-id", "tcp-flags", "type", "pkt-srcaddr", "pkt-dstaddr", "flow-direction",
)  # fmt: skip

_QUIET = ("srcaddr", "dstaddr", "srcport", "dstport", "protocol", "packets", "bytes", "action",
          "tcp-flags", "type", "pkt-srcaddr", "pkt-dstaddr", "flow-direction")  # fmt: skip


def rows(table: dict[str, np.ndarray], net: Network, outside: list[str]) -> pl.DataFrame:
    """The records of traffic with all fields of version 5."""
    eni, inward = table["eni"], table["inward"] == 1
    hosts = len(net.role)
    names = pl.Series([*net.address, *outside, *net.address6])
    own = np.where(table["ipv6"] == 1, eni + hosts + len(outside), eni)
    source, target = np.where(inward, table["peer"], own), np.where(inward, own, table["peer"])
    packet = np.where(table["packet_own"] == NO_ADDRESS, own, table["packet_own"])
    return _framed(
        eni, net, table["start"], table["end"], "OK",
        {
            "srcaddr": names.gather(source),
            "dstaddr": names.gather(target),
            "srcport": np.where(inward, table["peer_port"], table["own_port"]),
            "dstport": np.where(inward, table["own_port"], table["peer_port"]),
            "protocol": table["protocol"],
            "packets": table["packets"],
            "bytes": table["bytes"],
            "action": pl.Series(["ACCEPT", "REJECT"]).gather(table["refused"]),
            "tcp-flags": table["flags"],
            "type": pl.Series(["IPv4", "IPv6"]).gather(table["ipv6"]),
            "pkt-srcaddr": names.gather(np.where(inward, table["peer"], packet)),
            "pkt-dstaddr": names.gather(np.where(inward, packet, table["peer"])),
            "flow-direction": pl.Series(["egress", "ingress"]).gather(table["inward"]),
        },
    )  # fmt: skip


def quiet(
    table: dict[str, np.ndarray], net: Network, rng: np.random.Generator, *, days: int
) -> pl.DataFrame:
    """For each interface and hour a NODATA record, where an interval drawn had no traffic."""
    hours = days * DAY // 3_600
    eni, hour = np.divmod(np.arange(len(net.role) * hours), hours)
    interval, phase = net.interval[eni], net.phase[eni]
    slot = (hour * 3_600 + rng.integers(0, 3_000, len(eni))) // interval
    busy = (table["start"] - net.phase[table["eni"]]) // net.interval[table["eni"]]
    width = days * DAY
    free = ~np.isin(eni * width + slot, table["eni"] * width + busy)
    eni, start = eni[free], (slot * interval + phase)[free]
    nothing = dict.fromkeys(_QUIET)
    return _framed(eni, net, start, start + net.interval[eni] - 1, "NODATA", nothing)


def _framed(
    eni: np.ndarray,
    net: Network,
    start: np.ndarray,
    end: np.ndarray,
    status: str,
    fields: dict[str, np.ndarray | pl.Series | None],
) -> pl.DataFrame:
    vpc = pl.Series(["vpc-0a1b2c3d4e5f60718", "vpc-0f1e2d3c4b5a69788"])
    values = {
        "version": np.full(len(eni), 5),
        "account-id": pl.Series([ACCOUNT]).new_from_index(0, len(eni)),
        "interface-id": pl.Series(net.interface).gather(eni),
        "start": START + start,
        "end": START + end,
        "log-status": pl.Series([status]).new_from_index(0, len(eni)),
        "vpc-id": vpc.gather(net.vpc[eni]),
        **{name: value for name, value in fields.items() if value is not None},
    }
    schema = {name: _type(name) for name in V5_FIELDS}
    frame = pl.DataFrame(values)
    missing = [pl.lit(None).alias(name) for name in V5_FIELDS if name not in values]
    return frame.with_columns(missing).select(
        pl.col(name).cast(kind) for name, kind in schema.items()
    )


def _type(field: str) -> type[pl.DataType]:
    numbers = ("version", "srcport", "dstport", "protocol", "packets", "bytes", "start", "end",
               "tcp-flags")  # fmt: skip
    return pl.Int64 if field in numbers else pl.String
