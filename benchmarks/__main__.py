"""`python -m benchmarks`: make the data, run the contests, print the table and the targets."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence

from benchmarks.contests import MILLION, Contest, Target, contests
from benchmarks.datasets import Dataset
from benchmarks.measure import ROOT, Command, Cost, Pair, alternate, middle
from benchmarks.notes import load, notes

COLUMNS = "  {:<26} {:>8} {:>8} {:>8}  {}"
FAILED, USAGE = 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmarks; returns the exit code."""
    options = _parser().parse_args(arguments)
    sizes = [1] if options.quick else options.records
    chosen = contests([int(size * MILLION) for size in sizes])
    names = sorted({contest.name for contest in chosen})
    unknown = sorted(set(options.only or ()) - set(names))
    if unknown:
        print(f"no contest {unknown[0]!r} here; there are {', '.join(names)}", file=sys.stderr)
        return USAGE
    chosen = [one for one in chosen if not options.only or one.name in options.only]
    for dataset in dict.fromkeys(dataset for contest in chosen for dataset in contest.data):
        _make(dataset)
    before = load()
    print(COLUMNS.format("", "wall", "CPU", "peak", "ratio"))
    lines, missed = [], 0
    for contest in chosen:
        rounds = options.rounds or contest.rounds
        with contest.around():
            pair = alternate(contest.first, contest.second, rounds=rounds)
        _show(contest, pair, rounds)
        for target in contest.targets:
            line, held = _verdict(target, pair)
            lines.append(line)
            missed += not held
    print("\nTargets", *(lines or ["  none at these sizes; they are set for 5 M"]), sep="\n")
    print("\nNotes", *(f"  {line}" for line in notes(before)), sep="\n")
    return FAILED if missed and options.enforce else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--records",
        type=float,
        nargs="+",
        default=[1, 5, 20],
        metavar="M",
        help="sizes in millions",
    )
    parser.add_argument("--quick", action="store_true", help="1 million records alone")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these contests")
    parser.add_argument("--rounds", type=int, help="runs of each; 5, and 3 for the slow ones")
    parser.add_argument(
        "--assert", action="store_true", dest="enforce", help="exit 1 if a target is missed"
    )
    return parser


def _make(dataset: Dataset) -> None:
    if not dataset.is_made:
        print(f"making {dataset.name}, once", file=sys.stderr)
        made = [sys.executable, "-m", "benchmarks.datasets", dataset.kind, str(dataset.records)]
        subprocess.run(made, cwd=ROOT, check=True)


def _show(contest: Contest, pair: Pair, rounds: int) -> None:
    print(f"{contest.title}: {contest.name}, {rounds} runs")
    ratio = f"{pair.ratio:.2f} ({pair.ratio_of_pairs:.2f})"
    print(_row(contest.first, middle(pair.first), ratio))
    print(_row(contest.second, middle(pair.second), ""), flush=True)


def _row(command: Command, cost: Cost, ratio: str) -> str:
    numbers = (f"{cost.wall:.2f} s", f"{cost.cpu:.2f} s", f"{cost.peak / 1e6:.0f} MB")
    return COLUMNS.format(command.name, *numbers, ratio).rstrip()


def _verdict(target: Target, pair: Pair) -> tuple[str, bool]:
    value = target.value(pair)
    held = target.is_met(value)
    word = "pass" if held else "FAIL"
    doubt = "; NOISY, measure again" if pair.is_noisy else ""
    return f"  {word}  {target.what}: {value:.3g}, {target.bound} {target.limit:g}{doubt}", held


if __name__ == "__main__":
    sys.exit(main())
