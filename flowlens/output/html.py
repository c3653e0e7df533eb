"""A table as HTML, for a notebook or as a page of its own: formatted as people read it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types

from flowlens.core import escape
from flowlens.output import markup, values
from flowlens.output.batches import as_reader
from flowlens.output.preview import Head, cut, grouped, head, identifiers
from flowlens.output.shares import ADDITIVE, bar

_DECIMALS = 3


class Meaning(Protocol):
    """What a column says of itself."""

    @property
    def name(self) -> str:
        """The column's name."""

    @property
    def unit(self) -> str:
        """Its unit, or nothing."""

    @property
    def meaning(self) -> str:
        """What it tells."""


def first(
    data: pa.RecordBatchReader | pa.Table, *, limit: int | None, total: int | None = None
) -> Head:
    """The first rows as `head` has them, with the sums that bars are shares of."""
    return head(as_reader(data), limit=limit, total=total, summed=ADDITIVE)


def html_table(rows: Head, meanings: Sequence[Meaning] = ()) -> str:
    """A table with its style; a head has its unit, and its meaning on hover."""
    return markup.framed(table(rows, meanings))


def html_page(rows: Head, meanings: Sequence[Meaning] = (), *, title: str = "") -> str:
    """A whole page with one table, that loads nothing and runs nothing."""
    above = [f"<h3>{escape.html(title)}</h3>"] if title else []
    return markup.page(title or "flowlens", *above, table(rows, meanings))


def table(rows: Head, meanings: Sequence[Meaning] = ()) -> str:
    """A `<table>` with bars behind its main amount, and beneath it how much of it is shown."""
    known = {item.name: item for item in meanings}
    drawn = bar(rows, {name: item.unit for name, item in known.items()})
    columns = []
    for place, name in enumerate(rows.table.column_names):
        column = rows.table.column(place)
        item = known.get(name)
        wholes = [text for chunk in column.chunks for text in values.plain(chunk).to_pylist()]
        columns.append(
            markup.Column(
                name,
                _cells(column, wholes, name),
                values.is_number(column.type),
                (item.unit if item else "") or _zone(column.type),
                item.meaning if item else "",
                drawn[1] if drawn and drawn[0] == place else None,
                # A time or a number without separators is no more whole than what is shown.
                wholes if types.is_floating(column.type) else None,
            )
        )
    return markup.table(columns, note=cut(rows.table.num_rows, rows.total) or "")


def _zone(kind: pa.DataType) -> str:
    return "UTC" if types.is_timestamp(kind) and kind.tz is not None else ""


def _cells(column: pa.ChunkedArray, wholes: list[str | None], name: str) -> list[str | None]:
    kind = column.type
    if types.is_timestamp(kind):
        return [text and text.removesuffix("Z").replace("T", " ", 1) for text in wholes]
    if types.is_floating(kind):
        return _rounded(column.to_pylist(), wholes)
    if values.is_number(kind):
        return wholes if name in identifiers() else [text and grouped(text) for text in wholes]
    if types.is_list(kind) and types.is_string(kind.value_type):
        joined: list[str | None] = pc.binary_join(column, " · ").to_pylist()
        # A list with a null in it can't be joined.
        return [whole if text is None else text for text, whole in zip(joined, wholes, strict=True)]
    return wholes


def _rounded(numbers: list[float | None], wholes: list[str | None]) -> list[str | None]:
    """Doubles with as many decimals as the longest has, three at most; more where all are small.

    >>> _rounded([1234.5, 0.25, None], ["1234.5", "0.25", None])
    ['1,234.50', '0.25', None]
    >>> _rounded([2.0, 0.000123456], ["2.0", "0.000123456"])
    ['2.000', '0.000123']
    """
    places = [len(text.partition(".")[2]) for text in wholes if text and "e" not in text]
    decimals = min(max(places, default=0), _DECIMALS)
    cells: list[str | None] = []
    for number, whole in zip(numbers, wholes, strict=True):
        if number is None or whole is None or "e" in whole:
            cells.append(whole)
        elif 0 < abs(number) < 0.1**_DECIMALS:
            cells.append(f"{number:.3g}")
        else:
            cells.append(f"{number:,.{decimals}f}")
    return cells
