"""What a detector's alarms are worth, held against the truth."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

CLASSES = ((1, 1), (2, 2), (3, 3), (4, 5), (6, 10), (11, 30), (31, None))
"""Numbers of targets, least and most, that recall is told for."""

ENOUGH = 4
"""Targets from which on a scanner is expected to be found."""

UNKNOWN = "in no truth"


@dataclass(frozen=True, slots=True)
class Score:
    """One detector over the pooled verdicts of several seeds.

    `judged` has a row for each source: srcaddr, seed, kind, scans, targets, ports, alarmed, and
    `probed`, how many targets it had opened when the alarm came (null without alarm).
    """

    judged: pl.DataFrame

    @property
    def alarms(self) -> int:
        """How many sources were accused."""
        return self.judged.filter("alarmed").height

    @property
    def precision(self) -> float | None:
        """The share of the accused who scan; None where nobody was accused."""
        return _share(self.judged.filter("alarmed")["scans"])

    @property
    def contacts(self) -> float | None:
        """The median number of targets that a scanner had opened when it was accused."""
        found = self.judged.filter(pl.col("alarmed") & pl.col("scans"))
        return found.select(pl.col("probed").median()).item()

    def recall(self, least: int, most: int | None = None, *, by: str = "targets") -> float | None:
        """The share found of the scanners with so many targets, or `by="ports"` hosts and ports."""
        inside = pl.col(by) >= least
        if most is not None:
            inside &= pl.col(by) <= most
        return _share(self.judged.filter(pl.col("scans") & inside)["alarmed"])

    def accused(self, kind: str) -> tuple[int, int]:
        """How many of a kind were accused, and of how many."""
        chosen = self.judged.filter(pl.col("kind") == kind)
        return chosen.filter("alarmed").height, chosen.height


def judge(
    alarms: pl.DataFrame, truth: pl.DataFrame, touches: pl.DataFrame, *, seed: int
) -> pl.DataFrame:
    """Rows of `Score.judged`. One accused who is in no truth is a false alarm."""
    probed = (
        touches.join(alarms, on="srcaddr")
        .filter(pl.col("first") <= pl.col("alarm_at"))
        .group_by("srcaddr")
        .agg(probed=pl.len().cast(pl.Int64))
    )
    strangers = alarms.join(truth, on="srcaddr", how="anti").select(
        "srcaddr", kind=pl.lit(UNKNOWN), scans=pl.lit(False), targets=pl.lit(0, pl.Int64),
        ports=pl.lit(0, pl.Int64),
    )  # fmt: skip
    known = truth.select("srcaddr", "kind", "scans", "targets", "ports")
    accused = alarms.select("srcaddr", alarmed=pl.lit(True)).unique()
    return (
        pl.concat([known, strangers])
        .join(accused, on="srcaddr", how="left")
        .join(probed, on="srcaddr", how="left")
        .with_columns(pl.col("alarmed").fill_null(False), seed=pl.lit(seed))
    )


def _share(flags: pl.Series) -> float | None:
    return float(flags.sum()) / len(flags) if len(flags) else None
