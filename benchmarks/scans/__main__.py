"""`python -m benchmarks.scans`: judge the detectors on the seeds, print Markdown.

Traffic is made once for each seed and kept below benchmarks/data/scans/.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence

import polars as pl

from benchmarks.scans.detectors import FLOWLENS, Detector, detectors
from benchmarks.scans.goals import Goal, goals, shown
from benchmarks.scans.kinds import KINDS, OWN
from benchmarks.scans.score import CLASSES, ENOUGH, UNKNOWN, Score, judge
from benchmarks.scans.traffic import REPORT, TUNING
from benchmarks.scans.views import View, generate

FAILED, USAGE = 1, 2
WORDS = {True: "met", False: "MISSED", None: "stated"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Judge, and print; returns the exit code."""
    options = _parser().parse_args(arguments)
    chosen = [one for one in detectors() if not options.only or one.name in options.only]
    unknown = sorted(set(options.only or ()) - {one.name for one in chosen})
    if unknown:
        names = ", ".join(repr(one.name) for one in detectors())
        print(f"no detector {unknown[0]!r} here; there are {names}", file=sys.stderr)
        return USAGE
    seeds = " ".join(map(str, options.seeds))
    print(f"Seeds {seeds} pooled, {options.scale:g} times the usual sources.\n")
    of_flowlens = {}
    for view in options.views:
        scores = {one.name: _score(one, options.seeds, view, options.scale) for one in chosen}
        print(f"## {view}\n", _summary(scores), _by_kind(scores), sep="\n", flush=True)
        if FLOWLENS in scores:
            of_flowlens[view] = scores[FLOWLENS]
    reached = goals(of_flowlens)
    if reached:
        print("## Goals\n", _goals(reached), sep="\n")
    return FAILED if options.enforce and any(goal.met is False for goal in reached) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m benchmarks.scans", description=__doc__)
    parser.add_argument(
        "--seeds", type=int, nargs="+", default=list(REPORT), metavar="N",
        help=f"default {' '.join(map(str, REPORT))}; tune on {' '.join(map(str, TUNING))} alone",
    )  # fmt: skip
    parser.add_argument("--views", type=View, nargs="+", default=list(View), metavar="VIEW")
    parser.add_argument("--scale", type=float, default=1.0, help="times the usual sources")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these detectors")
    parser.add_argument(
        "--assert", action="store_true", dest="enforce", help="exit 1 if a goal is missed"
    )
    return parser


def _score(detector: Detector, seeds: Iterable[int], view: View, scale: float) -> Score:
    parts = []
    for seed in seeds:
        made = generate(seed, scale=scale)
        alarms = detector.alarms(made.records(view), view)
        parts.append(judge(alarms, made.truth, made.touches, seed=seed))
    return Score(pl.concat(parts))


def _summary(scores: dict[str, Score]) -> str:
    classes = [f"{low}" if low == high else f"{low}–{high or ''}" for low, high in CLASSES]
    head = ["detector", "alarms", "precision", f"recall, {ENOUGH}+ targets",
            f"recall, {ENOUGH}+ ports", *classes, "contacts to alarm"]  # fmt: skip
    rows = [
        [
            name,
            f"{score.alarms:,}",
            shown(score.precision),
            shown(score.recall(ENOUGH)),
            shown(score.recall(ENOUGH, by="ports")),
            *(_short(score.recall(low, high)) for low, high in CLASSES),
            _short(score.contacts, "g"),
        ]
        for name, score in scores.items()
    ]
    return _markdown(head, rows)


def _by_kind(scores: dict[str, Score]) -> str:
    """How many of each kind were accused: false alarms first, then scanners found."""
    plain = [kind.name for kind in KINDS if not kind.scans]
    names = [*plain, OWN, UNKNOWN, *(kind.name for kind in KINDS if kind.scans)]
    rows = []
    for name in names:
        counts = [score.accused(name) for score in scores.values()]
        number = max(number for _, number in counts)
        if number:
            rows.append([name, f"{number:,}", *(f"{accused:,}" for accused, _ in counts)])
    return _markdown(["accused, of the kind", "sources", *scores], rows)


def _goals(reached: list[Goal]) -> str:
    return _markdown(
        ["goal", "reached", ""], [[goal.what, goal.reached, WORDS[goal.met]] for goal in reached]
    )


def _short(value: float | None, form: str = ".2f") -> str:
    return "–" if value is None else format(value, form)


def _markdown(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
