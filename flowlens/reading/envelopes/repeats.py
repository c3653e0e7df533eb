"""Repeats: events whose id has been seen in the same input with the same text, however long it is.

Eight bytes are kept of an id: a hash under a key that is new with every process, so that two ids
of a hundred million are taken for one with a chance of 1 in 3,700, and none can be made to be.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field

import polars as pl

_LONGEST = 1 << 21
"""Hashes in a run that isn't joined with another any more: sorting takes memory thrice."""


@dataclass(slots=True)
class Repeats:
    """The ids seen so far, as sorted runs of hashes, the longest first."""

    _runs: list[pl.Series] = field(default_factory=list)

    def seen(self, ids: Sequence[Hashable]) -> list[int]:
        """The places in `ids` of those that stand before, there or in an earlier call; they are
        remembered.
        """
        hashes = pl.Series(list(map(hash, ids)), dtype=pl.Int64)
        run = hashes.sort()
        # Sorted keys are found fast, and nearly always there is nothing to find.
        within = run.n_unique() < len(run)
        if not within and not any(_held(known, run).any() for known in self._runs):
            self._remember(run)
            return []
        fresh = hashes.is_first_distinct()
        for known in self._runs:
            fresh = fresh & ~_held(known, hashes)
        self._remember(hashes.filter(fresh).sort())
        return (~fresh).arg_true().to_list()

    def _remember(self, run: pl.Series) -> None:
        if run.is_empty():
            return
        while self._runs and len(self._runs[-1]) < min(2 * len(run), _LONGEST):
            run = pl.concat([self._runs.pop(), run]).sort()
        self._runs.append(run)


def _held(known: pl.Series, hashes: pl.Series) -> pl.Series:
    """Where a hash is among the known ones, which are sorted."""
    place = known.search_sorted(hashes).clip(upper_bound=len(known) - 1)
    return known.gather(place) == hashes
