"""Seeded flow logs for the benchmarks: realistic mixes, as few large or many small gzip files.

The mix follows what a busy VPC logs: web sessions and their replies, east-west traffic seen by
both interfaces, outbound calls, probes from the Internet on commonly probed ports, late answers,
quiet intervals (NODATA) and a few SKIPDATA rows. The same seed gives the same bytes.
"""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import polars as pl

ACCOUNT = "123456789012"
ENIS = 200
START = 1_790_000_000
SERVICE_PORTS = np.array([443, 80, 22, 5432, 6379, 8080, 9200, 53, 3306, 25])
PROBED_PORTS = np.array(
    [23, 445, 22, 3389, 80, 443, 5555, 37215, 7547, 2375, 6379, 11211, 8080, 1433, 27015]
)
HEADER = (
    "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes "
    "start end action log-status\n"
)
COLUMNS = HEADER.split()
INTERFACES = [f"eni-0{0x5A7C300011 * (7919 + index) % 16**16:016x}" for index in range(ENIS)]
CHUNK = 250_000


def ipv4(numbers: np.ndarray) -> pl.Series:
    """Dotted addresses for an array of unsigned 32-bit numbers."""
    parts = pl.DataFrame({str(shift): (numbers >> shift) & 255 for shift in (24, 16, 8, 0)})
    return parts.select(pl.concat_str(pl.all(), separator=".")).to_series()


def records(count: int, *, seed: int, first: int = START) -> pl.DataFrame:
    """`count` records of the default format in about the order of their start.

    A run of five minutes of log time for every 50,000 records.
    """
    rng = np.random.default_rng(seed)
    own = rng.integers(0, ENIS, count)
    own_address = 0x0A000000 + (own // 50) * 256 + (own % 50) + 10
    kind = rng.choice(
        8, count, p=[0.26, 0.24, 0.10, 0.10, 0.08, 0.15, 0.04, 0.03]
    )  # web in, web out, east, west, call, probe, late answer, quiet
    outside = (rng.zipf(1.25, count) % 60_000) * 65_537 % 0x5E000000 + 0x22000000
    scanner = (rng.zipf(1.15, count) % 30_000) * 40_503 % 0x3B000000 + 0xB0000000
    peer_eni = rng.integers(0, ENIS, count)
    peer = 0x0A000000 + (peer_eni // 50) * 256 + (peer_eni % 50) + 10
    service = SERVICE_PORTS[np.minimum(rng.geometric(0.45, count) - 1, 9)]
    probed = PROBED_PORTS[np.minimum(rng.geometric(0.22, count) - 1, 14)]
    ephemeral = rng.integers(32_768, 61_000, count)

    inward = np.isin(kind, [0, 2, 5, 6])
    other = np.select([np.isin(kind, [2, 3]), kind == 5], [peer, scanner], outside)
    source = np.where(inward, other, own_address)
    target = np.where(inward, own_address, other)
    to_service = np.isin(kind, [0, 2, 4])
    srcport = np.select([to_service | (kind == 5)], [ephemeral], service)
    dstport = np.select([to_service, kind == 5], [service, probed], ephemeral)
    protocol = np.select([(kind == 5) & (probed == 27015), dstport == 53], [17, 17], 6)
    packets = np.where(np.isin(kind, [5, 6]), 1, rng.geometric(0.05, count))
    size = np.where(np.isin(kind, [5, 6]), 44, rng.integers(52, 1400, count))
    start = first + (np.arange(count) * 300 // 50_000) + rng.integers(0, 60, count)
    end = start + rng.integers(1, 60, count)
    rejected = np.isin(kind, [5, 6]) | (rng.random(count) < 0.002)
    quiet = kind == 7
    status = np.where(quiet, np.where(rng.random(count) < 0.005, "SKIPDATA", "NODATA"), "OK")
    table = pl.DataFrame(
        {
            "version": np.full(count, 2),
            "account-id": pl.Series([ACCOUNT]).new_from_index(0, count),
            "interface-id": pl.Series(INTERFACES).gather(own),
            "srcaddr": ipv4(source),
            "dstaddr": ipv4(target),
            "srcport": srcport,
            "dstport": dstport,
            "protocol": protocol,
            "packets": packets,
            "bytes": packets * size,
            "start": start,
            "end": end,
            "action": np.where(rejected, "REJECT", "ACCEPT"),
            "log-status": status,
        }
    )
    silent = pl.col("log-status") != "OK"
    return table.with_columns(
        pl.when(~silent).then(pl.col(COLUMNS[3:10])), pl.when(~silent).then(pl.col("action"))
    ).select(COLUMNS)


def text(table: pl.DataFrame) -> bytes:
    """The table as flow-log lines, without a header."""
    return table.write_csv(include_header=False, separator=" ", null_value="-").encode()


def write(directory: Path, *, count: int, files: int, seed: int = 1, bad_every: int = 0) -> Path:
    """`count` records over `files` gzip files below `directory`, made once and kept.

    With `bad_every`, every such line has an address that no record can have.
    """
    done = directory / ".done"
    if done.exists():
        return directory
    directory.mkdir(parents=True, exist_ok=True)
    each = count // files
    made = 0
    pending = b""
    line_number = 0
    tables = iter(range(0, count, CHUNK))
    lines: list[bytes] = []
    while made < files:
        while len(lines) < each:
            begin = next(tables)
            size = min(CHUNK, count - begin)
            first = START + begin * 300 // 50_000
            lines += text(records(size, seed=seed * 1000 + begin // CHUNK, first=first)).splitlines(
                keepends=True
            )
        take = lines if made == files - 1 else lines[:each]
        lines = [] if made == files - 1 else lines[each:]
        if bad_every:
            for index in range(len(take)):
                line_number += 1
                if line_number % bad_every == 0:
                    take[index] = take[index].replace(b" 10.0.", b" 10.0.0.1239.", 1)
        pending = HEADER.encode() + b"".join(take)
        (directory / f"{made:05}.log.gz").write_bytes(gzip.compress(pending, 6, mtime=0))
        made += 1
    done.touch()
    return directory
