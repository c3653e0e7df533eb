"""Objects and parts, as the ledger has them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flowlens.core.counts import Counts

COUNTED = ("lines", "headers", "blanks", "malformed", "repeats", "ok", "nodata", "skipdata")

OBJECT = ("name", "size", "stamp", "state", "why", "again", *COUNTED, "reasons")


@dataclass(frozen=True, slots=True)
class Entry:
    """An object as it was read: `state` is read, truncated or unreadable.

    With `again` it is read at the next run, whatever its stamp is then.
    """

    name: str
    size: int
    stamp: str
    state: str
    why: str
    again: bool
    counts: Counts
    touches: Mapping[int, int]

    @property
    def row(self) -> tuple[object, ...]:
        """Its row in the ledger."""
        numbers = (getattr(self.counts, name) for name in COUNTED)
        values = (self.name, self.size, self.stamp, self.state, self.why, int(self.again))
        return (*values, *numbers, json.dumps(self.counts.reasons, sort_keys=True))


@dataclass(frozen=True, slots=True)
class Part:
    """A Parquet file of the store; `runs` are names of objects with the rows of each, in order.

    `sha256` is that of its bytes; an empty text where a store is too old to know it.
    """

    day: str
    path: str
    rows: int
    bytes: int
    sha256: str
    runs: tuple[tuple[str, int], ...]


def entry(row: Sequence[Any]) -> Entry:
    """The object of a row with the columns of `OBJECT`; what it touches isn't in it."""
    name, size, stamp, state, why, again, *numbers, reasons = row
    counts = Counts(
        **dict(zip(COUNTED, numbers, strict=True)), reasons=Counter(json.loads(reasons))
    )
    return Entry(name, size, stamp, state, why, bool(again), counts, {})
