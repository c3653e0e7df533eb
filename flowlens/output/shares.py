"""The bars behind a table's main amount, and what they are shares of."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from flowlens.output import values
from flowlens.output.markup import Bar
from flowlens.output.preview import Head, identifiers

ADDITIVE = ("records", "bytes", "packets")
"""Amounts that add up over rows, so that a row has a share of their sum; the main one first."""

PLACES = ("step", "sure")
"""Numbers that say which and not how much."""


def bar(head: Head, units: Mapping[str, str]) -> tuple[int, Bar] | None:
    """The place of the column that bars stand behind, and these; None where nothing suits.

    `units` are those of the columns that are known; what is known to have none is a count of
    something in its order, and no amount.
    """
    names = head.table.column_names
    additive = [name for name in ADDITIVE if name in names][:1]
    passed = identifiers().union(PLACES)
    others = (name for name in names if name not in passed and units.get(name, "?"))
    for name in additive or others:
        place = names.index(name)
        amount = _amount(head.table.column(place))
        if amount is not None:
            return place, _bar(name, amount, head)
    return None


def _amount(column: pa.ChunkedArray) -> Sequence[float | None] | None:
    """The values as doubles; None where bars can't stand for them."""
    if not values.is_number(column.type):
        return None
    amounts: list[float | None] = pc.cast(column, pa.float64(), safe=False).to_pylist()
    there = [amount for amount in amounts if amount is not None]
    if not any(there) or not all(0 <= amount < math.inf for amount in there):
        return None
    # A bar alone, or one like all the others, would compare nothing.
    return amounts if len(set(there)) > 1 else None


def _bar(name: str, amounts: Sequence[float | None], head: Head) -> Bar:
    whole = head.sums.get(name)
    if whole:
        of = f"of the {name} of all {head.total:,} rows"
    else:
        whole = max(amount for amount in amounts if amount is not None)
        of = f"of the largest {name} here"
    shares = [None if amount is None else 100 * amount / whole for amount in amounts]
    return Bar(shares, of)
