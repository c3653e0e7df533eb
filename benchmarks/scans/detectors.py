"""Who accuses whom, and when: flowlens at its two bars, and the rules of other tools."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import polars as pl

from benchmarks.scans import rules
from benchmarks.scans.views import View

FLOWLENS, LIKELY = "flowlens", "flowlens, likely"


@dataclass(frozen=True, slots=True)
class Detector:
    """One that accuses: `alarms` gives srcaddr and alarm_at (Unix seconds, or null) for a view."""

    name: str
    alarms: Callable[[Path, View], pl.DataFrame]


def detectors() -> list[Detector]:
    """All detectors, flowlens first."""
    return [
        Detector(FLOWLENS, partial(_flowlens, tiers=("scanner",))),
        Detector(LIKELY, partial(_flowlens, tiers=("scanner", "likely"))),
        *(Detector(rule.name, partial(rules.alarms, rule)) for rule in rules.RULES),
    ]


def _flowlens(directory: Path, view: View, *, tiers: tuple[str, ...]) -> pl.DataFrame:
    """The sources of these tiers; the files' headers alone say which view it is."""
    return (
        _verdicts(directory)
        .filter(pl.col("tier").is_in(tiers))
        .select("srcaddr", alarm_at=pl.col("alarm_at").dt.epoch("s"))
    )


@cache
def _verdicts(directory: Path) -> pl.DataFrame:
    """flowlens's verdicts on single addresses, read once for all of its bars."""
    import flowlens as fl

    found = pl.from_arrow(fl.read(directory).scanners(tier="all").arrow())
    assert isinstance(found, pl.DataFrame)
    return found.filter(pl.col("members").is_null())
