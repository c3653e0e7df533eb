"""Repeats: events whose id has been seen in the same input, however long it is.

Eight bytes are kept of an id: a hash under a key that is new with every process, so that two ids
of a hundred million are taken for one with a chance of 1 in 3,700, and none can be made to be.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl


@dataclass(slots=True)
class Repeats:
    """The ids seen so far, as sorted runs of hashes, each at least twice as long as the next."""

    _runs: list[pl.Series] = field(default_factory=list)

    def seen(self, ids: list[str]) -> list[int]:
        """The places in `ids` of those that stand before, there or in an earlier call; they are
        remembered.
        """
        hashes = pl.Series([hash(text) for text in ids], dtype=pl.Int64)
        fresh = hashes.is_first_distinct()
        for run in self._runs:
            place = run.search_sorted(hashes).clip(upper_bound=len(run) - 1)
            fresh = fresh & (run.gather(place) != hashes)
        self._remember(hashes.filter(fresh))
        return (~fresh).arg_true().to_list()

    def _remember(self, hashes: pl.Series) -> None:
        if hashes.is_empty():
            return
        run = hashes.sort()
        while self._runs and len(self._runs[-1]) < 2 * len(run):
            run = pl.concat([self._runs.pop(), run]).sort()
        self._runs.append(run)
