"""Whole processes, measured in turn: wall time, processor time, peak memory.

A child starts out with its parent's peak memory as its own (Linux carries it over in `exec`), so
the measuring process imports nothing large.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parent.parent

NOISE = 0.1
"""How far the ratio of medians may be from that of neighbouring runs on a quiet machine."""


class CommandFailedError(Exception):
    """A measured command ended with another code than 0; the message has its stderr's end."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A command that runs on a part of the records, for the whole would take too long.

    What it takes beyond `idle`, the same command on no files, counts `factor` times.
    """

    idle: tuple[str, ...]
    factor: float


@dataclass(frozen=True, slots=True)
class Command:
    """A process to measure."""

    name: str
    arguments: tuple[str, ...]
    sample: Sample | None = None


@dataclass(frozen=True, slots=True)
class Cost:
    """What a run took: seconds, seconds of user and system time, bytes.

    Both latter count child processes in; `peak` is that of the largest single process.
    """

    wall: float
    cpu: float
    peak: int


@dataclass(frozen=True, slots=True)
class Pair:
    """The runs of two commands, made in turn."""

    first: tuple[Cost, ...]
    second: tuple[Cost, ...]

    @property
    def ratio(self) -> float:
        """The first's median wall time over the second's."""
        return middle(self.first).wall / middle(self.second).wall

    @property
    def ratio_of_pairs(self) -> float:
        """The median of each run's wall time over that of the run next to it."""
        runs = zip(self.first, self.second, strict=True)
        return median(first.wall / second.wall for first, second in runs)

    @property
    def is_noisy(self) -> bool:
        """Whether the two ratios differ so much that neither should be believed."""
        return abs(self.ratio / self.ratio_of_pairs - 1) > NOISE

    @property
    def peaks(self) -> float:
        """The first's median peak memory over the second's."""
        return middle(self.first).peak / middle(self.second).peak


def middle(costs: Sequence[Cost]) -> Cost:
    """The median of each part.

    >>> middle([Cost(1.0, 5.0, 7), Cost(2.0, 4.0, 8), Cost(9.0, 3.0, 9)])
    Cost(wall=2.0, cpu=4.0, peak=8)
    """
    return Cost(
        median(cost.wall for cost in costs),
        median(cost.cpu for cost in costs),
        int(median(cost.peak for cost in costs)),
    )


def run(command: Command) -> Cost:
    """Run a command once; its output goes nowhere.

    Raises:
        CommandFailedError: it fails.
    """
    cost = _run(command.arguments)
    if command.sample is None:
        return cost
    idle, factor = _run(command.sample.idle), command.sample.factor
    return replace(
        cost,
        wall=idle.wall + (cost.wall - idle.wall) * factor,
        cpu=idle.cpu + (cost.cpu - idle.cpu) * factor,
    )


def alternate(
    first: Command,
    second: Command,
    *,
    rounds: int,
    measured: Callable[[Command], Cost] = run,
) -> Pair:
    """Run two commands in turn, after one run of each that doesn't count.

    >>> costs = iter([Cost(wall, 0.0, 1) for wall in (9.0, 9.0, 2.0, 4.0, 3.0, 4.0)])
    >>> one, other = Command("one", ("a",)), Command("other", ("b",))
    >>> alternate(one, other, rounds=2, measured=lambda command: next(costs)).ratio
    0.625
    """
    measured(first)
    measured(second)
    runs = [(measured(first), measured(second)) for _ in range(rounds)]
    return Pair(tuple(one for one, _ in runs), tuple(other for _, other in runs))


def _run(arguments: tuple[str, ...]) -> Cost:
    with tempfile.TemporaryFile() as errors:
        begin = time.perf_counter()
        process = subprocess.Popen(
            arguments, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors, cwd=ROOT
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            errors.seek(0)
            said = errors.read().decode(errors="replace").strip()[-400:]
            raise CommandFailedError(f"{' '.join(arguments)}: {process.returncode}: {said}")
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)
