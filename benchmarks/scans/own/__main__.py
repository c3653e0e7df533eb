"""`python -m benchmarks.scans.own`: judge flowlens on our own hosts; prints Markdown."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from benchmarks.scans.goals import shown
from benchmarks.scans.own.traffic import BEHIND, KINDS, draw
from benchmarks.scans.score import UNKNOWN, Score, judge
from benchmarks.scans.traffic import REPORT, TUNING
from benchmarks.scans.views import View, write

PRECISION, RECALL, ENOUGH = 0.995, 0.9, 10


def main(arguments: Sequence[str] | None = None) -> int:
    """Judge, and print; returns 1 if a goal is missed."""
    parser = argparse.ArgumentParser("python -m benchmarks.scans.own", description=__doc__)
    parser.add_argument(
        "--seeds", type=int, nargs="+", default=list(REPORT), metavar="N",
        help=f"default {' '.join(map(str, REPORT))}; tune on {' '.join(map(str, TUNING))} alone",
    )  # fmt: skip
    parser.add_argument("--views", type=View, nargs="+", default=list(View), metavar="VIEW")
    parser.add_argument("--scale", type=float, default=1.0, help="times the usual hosts")
    options = parser.parse_args(arguments)
    parts: dict[View, list[pl.DataFrame]] = {view: [] for view in options.views}
    behind = dict.fromkeys(options.views, 0)
    for seed in options.seeds:
        traffic = draw(seed, scale=options.scale)
        for view in options.views:
            with tempfile.TemporaryDirectory() as place:
                write(traffic, Path(place) / view, view)
                alarms = accused(Path(place) / view)
            unscored = pl.col("srcaddr").str.starts_with(BEHIND)
            behind[view] += alarms.filter(unscored).height
            scored = alarms.filter(~unscored)
            parts[view].append(judge(scored, traffic.truth, traffic.touches, seed=seed))
    scores = {view: Score(pl.concat(part)) for view, part in parts.items()}
    print(f"Seeds {' '.join(map(str, options.seeds))} pooled.\n")
    print(_markdown(scores))
    told = ", ".join(f"{number:,} in {view}" for view, number in behind.items())
    print(f"\nNot scored: clients of the gateways, whose telnet is made: accused {told}.")
    return int(any(view is not View.REJECTS and not met(score) for view, score in scores.items()))


def accused(directory: Path) -> pl.DataFrame:
    """The sources that alarm, and when."""
    import flowlens as fl

    found = pl.from_arrow(fl.read(directory).scanners(tier="scanner").arrow())
    assert isinstance(found, pl.DataFrame)
    alone = found.filter(pl.col("members").is_null() & pl.col("inside"))
    return alone.select("srcaddr", alarm_at=pl.col("alarm_at").dt.epoch("s"))


def met(score: Score) -> bool:
    """Whether the goals are reached."""
    return (score.precision or 0) >= PRECISION and (score.recall(ENOUGH) or 0) >= RECALL


def _markdown(scores: dict[View, Score]) -> str:
    head = ["view", "alarms", "precision", f"recall, {ENOUGH}+ targets", "4–9", "10–30", "31–"]
    lines = [head, ["---"] * len(head)]
    for view, score in scores.items():
        shares = [score.precision, score.recall(ENOUGH)]
        classes = [score.recall(4, 9), score.recall(10, 30), score.recall(31)]
        lines.append([view, f"{score.alarms:,}", *map(shown, [*shares, *classes])])
    kinds = [["accused, of the kind", "hosts", *scores], ["---"] * (2 + len(scores))]
    for name in [*(kind.name for kind in KINDS), UNKNOWN]:
        counts = [score.accused(name) for score in scores.values()]
        if number := max(number for _, number in counts):
            kinds.append([name, f"{number:,}", *(f"{found:,}" for found, _ in counts)])
    return "\n".join(f"| {' | '.join(line)} |" if line else "" for line in [*lines, [], *kinds])


if __name__ == "__main__":
    sys.exit(main())
