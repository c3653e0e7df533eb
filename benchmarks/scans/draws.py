"""Draws that several kinds of traffic share: when, how many, which."""

from __future__ import annotations

import numpy as np

from benchmarks.scans.network import DAY

BREADTHS = (
    (0.08, 1, 1),
    (0.08, 2, 2),
    (0.08, 3, 3),
    (0.14, 4, 5),
    (0.20, 6, 10),
    (0.24, 11, 30),
    (0.18, 31, 90),
)
"""Of how many targets scanners probe: share, least, most."""


def breadths(
    rng: np.random.Generator, count: int, *, least: int = 1, most: int = 1 << 30
) -> np.ndarray:
    """How many targets each of `count` scanners probes."""
    shares, low, high = np.array(BREADTHS).T
    chosen = np.searchsorted(np.cumsum(shares), rng.random(count), side="right")
    chosen = np.minimum(chosen, len(BREADTHS) - 1)
    drawn = rng.integers(low[chosen].astype(np.int64), high[chosen].astype(np.int64) + 1)
    return np.clip(drawn, least, most)


def among(rng: np.random.Generator, values: tuple[int, ...] | np.ndarray, count: int) -> np.ndarray:
    """`count` of the values, the first ones more often: each has weight 1 / (its rank + 1)."""
    weights = np.cumsum(1 / (np.arange(len(values)) + 2))
    return np.asarray(values)[np.searchsorted(weights, rng.random(count) * weights[-1], "right")]


def distinct(rng: np.random.Generator, counts: np.ndarray, most: int) -> np.ndarray:
    """For each of `counts` that many different numbers below `most`, one after another."""
    order = rng.random((len(counts), most)).argsort(axis=1, kind="stable")
    return order[np.arange(most) < counts[:, None]]


def turns(counts: np.ndarray) -> np.ndarray:
    """0, 1, 2 … for each of the counts, one after another.

    >>> turns(np.array([3, 2])).tolist()
    [0, 1, 2, 0, 1]
    """
    return np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)


def anytime(rng: np.random.Generator, count: int, days: int) -> np.ndarray:
    """Seconds of the log, by day and night alike."""
    return rng.integers(0, days * DAY, count)


def daytime(rng: np.random.Generator, count: int, days: int) -> np.ndarray:
    """Seconds of the log, most of them between 7 and 19 o'clock."""
    hour = np.where(rng.random(count) < 0.85, rng.uniform(7, 19, count), rng.uniform(0, 24, count))
    return rng.integers(0, days, count) * DAY + (hour * 3_600).astype(np.int64)


def paced(
    rng: np.random.Generator, counts: np.ndarray, gap: np.ndarray, first: np.ndarray
) -> np.ndarray:
    """Times of `counts` steps each, from `first` on, `gap` seconds apart in the mean."""
    waits = rng.exponential(1, int(counts.sum())) * np.repeat(gap, counts)
    waits[turns(counts) == 0] = 0
    total = np.cumsum(waits)
    return np.repeat(first, counts) + total - np.repeat(
        total[np.cumsum(counts) - counts], counts
    )  # fmt: skip
