"""Where a timeline steps up.

The method: counts become log2(1 + count), so that a doubling weighs the same at any level. Of all
stretches of at least `SHORTEST` buckets the one is taken that, at a level of its own, leaves the
smallest sum of squares; it may run to the end, or end where the rejects fall back. It is a step
only if

- its median is at least `FACTOR` times the median before it, and more above it than
  `DEVIATIONS` standard deviations of a Poisson count: noise on small numbers is no step;
- the `SHORTEST` buckets after the start are as much above the `SHORTEST` before it: a slow rise
  is no step;
- its lower quartile lies above the upper quartile before it: levels that overlap are no step.

One high bucket is a peak and no step. The search is exhaustive: a report has 72 buckets at most.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from math import log2, sqrt
from statistics import median, quantiles

from flowlens.answers.report.model import Step

SHORTEST = 3
FACTOR = 2.0
DEVIATIONS = 4.0


def step_up(counts: Sequence[int]) -> Step | None:
    """The stretch where counts step up, or None.

    >>> step_up([30, 28, 33, 31, 210, 190, 205, 220])
    Step(first=4, last=8, before=30.5, after=207.5)
    >>> step_up([30, 28, 33, 31, 29, 34, 30, 32]) is None
    True
    """
    stretch = _best(counts)
    if stretch is None:
        return None
    first, last = stretch
    before, after = counts[:first], counts[first:last]
    near = counts[first - SHORTEST : first], counts[first : first + SHORTEST]
    if not _above(median(before), median(after)) or not _above(median(near[0]), median(near[1])):
        return None
    if (
        quantiles(after, n=4, method="inclusive")[0]
        <= quantiles(before, n=4, method="inclusive")[2]
    ):
        return None
    return Step(first, last, median(before), median(after))


def _above(before: float, after: float) -> bool:
    return after >= FACTOR * before and after - before > DEVIATIONS * sqrt(before + 1)


def _best(counts: Sequence[int]) -> tuple[int, int] | None:
    """The higher stretch whose own level explains most; the earliest and longest of equals."""
    levels = [log2(1 + count) for count in counts]
    sums = [0.0, *accumulate(levels)]
    size, total = len(levels), sums[-1]
    best, most = None, 0.0
    for first in range(SHORTEST, size - SHORTEST + 1):
        for last in range(size, first + SHORTEST - 1, -1):
            inside, within = sums[last] - sums[first], last - first
            outside, without = total - inside, size - within
            gain = inside**2 / within + outside**2 / without - total**2 / size
            if inside / within > outside / without and gain > most + 1e-9:
                best, most = (first, last), gain
    return best
