"""The relation `services`: commonly probed and common service ports by name.

A family joins what one client legitimately tries together: it is 65536 · protocol + port of the
family's first service.

A table of our own, for the IANA names mislead: what knocks at 5555 is after Android's debugger
and not after a personal agent.
"""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files

import polars as pl
import pyarrow as pa

SCHEMA = pa.schema(
    [
        ("port", pa.int32()),
        ("protocol", pa.int32()),
        ("name", pa.string()),
        ("probed", pa.bool_()),
        ("service", pa.bool_()),
        ("family", pa.int64()),
    ]
)


@cache
def names() -> dict[tuple[int, int], str]:
    """Names by protocol (IANA number) and port."""
    return {(row["protocol"], row["port"]): row["name"] for row in table().to_pylist()}


@cache
def table() -> pa.Table:
    """All services; one row for each port and protocol."""
    text = files("flowlens").joinpath("data/services.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    # pyarrow imports pandas, where it is installed, to look at lists; polars looks by itself.
    frame = pl.DataFrame(
        {
            "port": [int(row["port"]) for row in rows],
            "protocol": [int(row["protocol"]) for row in rows],
            "name": [row["name"] for row in rows],
            "probed": [row["probed"] == "true" for row in rows],
            "service": [row["service"] == "true" for row in rows],
            "family": [_family(row["family"]) for row in rows],
        }
    )
    return frame.to_arrow().cast(SCHEMA)


def _family(text: str) -> int | None:
    protocol, _, port = text.partition("/")
    return int(protocol) * 65_536 + int(port) if port else None
