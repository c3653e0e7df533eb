"""The views of one traffic, written once below benchmarks/data/ and kept.

A view's name there has all that it is made from, so that a changed generator never meets old data.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
import polars as pl
from isal import igzip

from benchmarks.datasets import DATA
from benchmarks.scans.network import DAY
from benchmarks.scans.rows import ACCOUNT, START, V2_FIELDS, V5_FIELDS
from benchmarks.scans.traffic import DAYS, Traffic, draw


class View(StrEnum):
    """What of the same traffic is logged, and with which fields."""

    V2 = "v2"
    V5 = "v5"
    REJECTS = "rejects"


@dataclass(frozen=True, slots=True)
class Made:
    """Where the traffic of a seed lies: `records(view)` is a directory of nothing but logs."""

    directory: Path

    def records(self, view: View) -> Path:
        """The directory of a view's files."""
        return self.directory / view

    @property
    def truth(self) -> pl.DataFrame:
        """The truth, as `Traffic` has it."""
        return pl.read_csv(self.directory / "truth.csv", schema_overrides={"first_seen": pl.Int64})

    @property
    def touches(self) -> pl.DataFrame:
        """Every target of every source with the time of its first opening."""
        return pl.read_csv(self.directory / "touches.csv")


def generate(
    seed: int, *, days: int = DAYS, scale: float = 1.0, data: Path = DATA / "scans"
) -> Made:
    """Make the traffic of a seed in all views, unless it is there.

    Its directory appears only when whole.
    """
    made = Made(data / f"{_generator()}-seed{seed}-days{days}-scale{scale:g}")
    if made.directory.is_dir():
        return made
    making = made.directory.with_suffix(f".making-{os.getpid()}")
    making.mkdir(parents=True)
    try:
        traffic = draw(seed, days=days, scale=scale)
        for view in View:
            write(traffic, making / view, view)
        traffic.truth.write_csv(making / "truth.csv")
        traffic.touches.write_csv(making / "touches.csv")
        making.rename(made.directory)
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return made


def write(traffic: Traffic, directory: Path, view: View) -> None:
    """Write a view of the traffic: a gzip of text for each day, with a header line."""
    directory.mkdir(parents=True)
    shown = seen(traffic, view)
    for (day,), part in shown.group_by((pl.col("end") - START) // DAY, maintain_order=True):
        text = part.write_csv(separator=" ", null_value="-", quote_style="never")
        path = directory / f"{ACCOUNT}_vpcflowlogs_us-east-1_fl-{view}_day{day:02}.log.gz"
        path.write_bytes(igzip.compress(text.encode(), compresslevel=1, mtime=0))


def seen(traffic: Traffic, view: View) -> pl.DataFrame:
    """The records of a view, with its fields."""
    if view is View.V5:
        return traffic.records.select(V5_FIELDS)
    plain = traffic.records.with_columns(pl.lit(2).alias("version")).select(V2_FIELDS)
    return plain if view is View.V2 else plain.filter(pl.col("action") == "REJECT")


def _generator() -> str:
    """A name for what makes the records: the modules' text, and numpy's version."""
    here = Path(__file__).parent
    modules = ("answers", "benign", "capture", "draws", "kinds", "network", "rows", "scanners",
               "targets", "traffic", "views", "visits")  # fmt: skip
    texts = [(here / f"{name}.py").read_bytes() for name in modules]
    return hashlib.sha256(b"".join([*texts, np.__version__.encode()])).hexdigest()[:12]
