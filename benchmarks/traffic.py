"""Seeded flow-log records with the mix that a busy VPC logs.

Web sessions and their replies, east-west traffic, outbound calls, probes from the Internet on
commonly probed ports, late answers, quiet intervals (NODATA) and a few SKIPDATA rows. The same
seed gives the same bytes with the same versions of numpy and polars.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np
import polars as pl

ENIS = 200
ACCOUNT = "123456789012"
START = 1_790_000_000
RECORDS_A_SECOND = 50_000 / 300
"""Records that the whole VPC logs in a second of log time."""

HEADER = (
    "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes "
    "start end action log-status"
)
COLUMNS = tuple(HEADER.split())
_OF_TRAFFIC = (*COLUMNS[3:10], "action")

SERVICE_PORTS = np.array([443, 80, 22, 5432, 6379, 8080, 9200, 53, 3306, 25])
PROBED_PORTS = np.array(
    [23, 445, 22, 3389, 80, 443, 5555, 37215, 7547, 2375, 6379, 11211, 8080, 1433, 27015]
)
UDP_PORTS = (53, 27015)
ICMP_SHARE = 0.02
"""Of the probes."""


class Kind(IntEnum):
    """What a record is of; the share of each is in SHARES."""

    WEB_IN = 0
    WEB_OUT = 1
    EAST = 2
    WEST = 3
    CALL = 4
    PROBE = 5
    LATE = 6
    QUIET = 7


SHARES = {
    Kind.WEB_IN: 0.26,
    Kind.WEB_OUT: 0.24,
    Kind.EAST: 0.10,
    Kind.WEST: 0.10,
    Kind.CALL: 0.08,
    Kind.PROBE: 0.15,
    Kind.LATE: 0.04,
    Kind.QUIET: 0.03,
}
SKIPDATA_SHARE = 0.005
"""Of the quiet intervals."""

REFUSED_SHARE = 0.002
"""Of the ordinary traffic."""


def _dotted(numbers: np.ndarray) -> pl.Series:
    """Dotted addresses of unsigned 32-bit numbers."""
    parts = pl.DataFrame({str(shift): (numbers >> shift) & 255 for shift in (24, 16, 8, 0)})
    return parts.select(pl.concat_str(pl.all(), separator=".")).to_series()


_RANKS = np.arange(60_000)
_OWN = _dotted(0x0A000000 + _RANKS[:ENIS] // 50 * 256 + _RANKS[:ENIS] % 50 + 10)
_OUTSIDE = _dotted(0x22000000 + _RANKS * 65_537 % 0x5E000000)
_SCANNERS = _dotted(0xB0000000 + _RANKS[:30_000] * 40_503 % 0x3B000000)
_ADDRESSES = pl.concat([_OWN, _OUTSIDE, _SCANNERS])
_FIRST_OUTSIDE, _FIRST_SCANNER = len(_OWN), len(_OWN) + len(_OUTSIDE)
_INTERFACES = pl.Series([f"eni-0{0x9E3779B97F4A7C15 * (k + 1) % 16**16:016x}" for k in range(ENIS)])


def _ranks(rng: np.random.Generator, count: int, *, exponent: float, most: int) -> np.ndarray:
    """Ranks below `most` by a power law: a few peers make most of the records."""
    tail = rng.random(count) ** (-1 / (exponent - 1))
    return np.minimum(tail, 1e15).astype(np.int64) % most


def records(count: int, *, seed: tuple[int, ...], before: int = 0, pace: float = 1) -> pl.DataFrame:
    """`count` records of the default format, roughly by start; `before` records went before.

    A second has `pace` times as many as usual.
    """
    rng = np.random.default_rng(seed)
    shares = np.cumsum(list(SHARES.values()))
    kind = np.searchsorted(shares / shares[-1], rng.random(count), side="right")
    own = rng.integers(0, ENIS, count)
    outside = _FIRST_OUTSIDE + _ranks(rng, count, exponent=1.25, most=len(_OUTSIDE))
    scanner = _FIRST_SCANNER + _ranks(rng, count, exponent=1.15, most=len(_SCANNERS))
    service = SERVICE_PORTS[np.minimum(rng.geometric(0.45, count), len(SERVICE_PORTS)) - 1]
    probed = PROBED_PORTS[np.minimum(rng.geometric(0.22, count), len(PROBED_PORTS)) - 1]
    ephemeral = rng.integers(32_768, 61_000, count)

    probe, late, quiet = kind == Kind.PROBE, kind == Kind.LATE, kind == Kind.QUIET
    inward = np.isin(kind, [Kind.WEB_IN, Kind.EAST, Kind.PROBE, Kind.LATE])
    to_service = np.isin(kind, [Kind.WEB_IN, Kind.EAST, Kind.CALL])
    within = np.isin(kind, [Kind.EAST, Kind.WEST])
    icmp = probe & (rng.random(count) < ICMP_SHARE)
    other = np.select([within, probe], [rng.integers(0, ENIS, count), scanner], outside)
    srcport = np.select([icmp, to_service | probe], [0, ephemeral], service)
    dstport = np.select([icmp, to_service, probe], [0, service, probed], ephemeral)
    udp = np.isin(srcport, UDP_PORTS) | np.isin(dstport, UDP_PORTS)
    packets = np.where(probe | late, 1, rng.geometric(0.05, count))
    size = np.where(probe | late, 44, rng.integers(52, 1400, count))
    elapsed = ((before + np.arange(count)) / (RECORDS_A_SECOND * pace)).astype(np.int64)
    start = START + elapsed + rng.integers(0, 60, count)
    refused = probe | late | (rng.random(count) < REFUSED_SHARE)
    status = np.select([~quiet, rng.random(count) < SKIPDATA_SHARE], [0, 2], 1)
    table = pl.DataFrame(
        {
            "version": np.full(count, 2),
            "account-id": pl.Series([ACCOUNT]).new_from_index(0, count),
            "interface-id": _INTERFACES.gather(own),
            "srcaddr": _ADDRESSES.gather(np.where(inward, other, own)),
            "dstaddr": _ADDRESSES.gather(np.where(inward, own, other)),
            "srcport": srcport,
            "dstport": dstport,
            "protocol": np.select([icmp, udp], [1, 17], 6),
            "packets": packets,
            "bytes": packets * size,
            "start": start,
            "end": start + rng.integers(1, 60, count),
            "action": pl.Series(["ACCEPT", "REJECT"]).gather(refused.astype(np.int8)),
            "log-status": pl.Series(["OK", "NODATA", "SKIPDATA"]).gather(status),
        }
    )
    return table.with_columns(pl.when(~pl.Series(quiet)).then(pl.col(*_OF_TRAFFIC)))


def spoilt(table: pl.DataFrame, *, every: int) -> pl.DataFrame:
    """The records as text, every such one malformed in one of four ways in turn."""
    faults = {
        "srcaddr": "10.0.0.1239",
        "dstport": "https",
        "bytes": "99999999999999999999",
        "action": "ACCEPT extra",
    }
    row = pl.int_range(pl.len())
    turn = pl.when((row + 1) % every == 0).then(row // every % len(faults))
    return table.cast(pl.String).with_columns(
        pl.when(turn == index).then(pl.lit(fault)).otherwise(pl.col(column)).alias(column)
        for index, (column, fault) in enumerate(faults.items())
    )


def lines(table: pl.DataFrame) -> bytes:
    """The table as flow-log lines, without a header."""
    text = table.write_csv(include_header=False, separator=" ", null_value="-", quote_style="never")
    return text.encode()
