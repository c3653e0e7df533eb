"""Rows for pictures: names for what a row is about, the largest and the rest, times as numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl
import pyarrow as pa

from flowlens.core import escape
from flowlens.output.human import middle, port_service
from flowlens.output.preview import identifiers
from flowlens.output.values import is_number, plain

_NO_AMOUNTS = {"aggregation_seconds"}

LONGEST = 44
"""Letters of a name on an axis; the whole of it is said on hover."""

NOTHING = "-"
OTHERS = "others"
_PORTS = ("dstport", "port")


def frame(table: pa.Table) -> pl.DataFrame:
    """The table as a polars frame."""
    result = pl.from_arrow(table)
    assert isinstance(result, pl.DataFrame)
    return result


def drawable(table: pa.Table) -> pa.Table:
    """The table with moments, numbers and texts alone: all else as the text that it is shown as."""
    for place, field in enumerate(table.schema):
        kind = field.type
        column = table.column(place)
        if pa.types.is_date(kind):
            column = column.cast(pa.timestamp("us")).cast(pa.timestamp("us", "UTC"))
        elif pa.types.is_decimal(kind):
            column = column.cast(pa.float64())
        elif not (pa.types.is_timestamp(kind) or is_number(kind)):
            column = pa.chunked_array([plain(chunk) for chunk in column.chunks], pa.string())
        table = table.set_column(place, field.name, column)
    return table


def amounts(table: pa.Table) -> list[str]:
    """Columns that hold an amount; a port and a protocol are none."""
    return [
        field.name
        for field in table.schema
        if is_number(field.type) and field.name not in {*identifiers(), *_NO_AMOUNTS}
    ]


def action_column(table: pa.Table) -> str | None:
    """The column that says what became of a row's traffic, told by its values."""
    for field in table.schema:
        if pa.types.is_string(field.type):
            told = set(table[field.name].unique().to_pylist()) - {None}
            if told and told <= {"ACCEPT", "REJECT"}:
                return str(field.name)
    return None


def times(table: pa.Table) -> list[str]:
    """Columns that hold a moment."""
    return [field.name for field in table.schema if pa.types.is_timestamp(field.type)]


def keys(table: pa.Table) -> list[str]:
    """Columns that say what a row is about: those before the first amount, moments apart."""
    names = table.column_names
    numbers = amounts(table)
    before = names[: names.index(numbers[0])] if numbers else names
    found = [name for name in before if name not in times(table)]
    telling = [name for name in found if len(table[name].unique()) > 1]
    return telling or found


def milliseconds(name: str) -> pl.Expr:
    """A moment as milliseconds since 1970."""
    return pl.col(name).dt.epoch("ms").alias(name)


def text(value: object) -> str:
    """A value as one harmless line, whole."""
    return NOTHING if value is None else escape.terminal(str(value))


def names(rows: pl.DataFrame, columns: Sequence[str]) -> list[str]:
    """A name for each row of what its key columns say; protocol and port are one word."""
    port = next((name for name in _PORTS if name in columns), None)
    joined = "protocol" in rows.columns and port is not None
    parts: list[list[str]] = []
    for column in columns:
        if joined and column == "protocol":
            continue
        if joined and column == port:
            pairs = zip(rows["protocol"].to_list(), rows[column].to_list(), strict=True)
            parts.append([port_service(*pair) for pair in pairs])
        else:
            parts.append([text(value) for value in rows[column].to_list()])
    if not parts:
        return [OTHERS] * rows.height
    return [" · ".join(words) for words in zip(*parts, strict=True)]


def labels(every: Sequence[str]) -> list[str]:
    """Names as they stand on an axis: short, and still different from each other.

    >>> first, second = labels(["x" * 50, "x" * 51])
    >>> second == first + " (2)"
    True
    """
    given: dict[str, int] = {}
    result = []
    for name in every:
        label = middle(name, LONGEST)
        given[label] = given.get(label, 0) + 1
        result.append(label if given[label] == 1 else f"{label} ({given[label]})")
    return result


_WORDS = {
    "interface_id": "ENI",
    "enis": "ENIs",
    "srcaddr": "source",
    "dstaddr": "destination",
    "pkt_srcaddr": "source in the packets",
    "pkt_dstaddr": "destination in the packets",
    "dstport": "port",
}


def spelled(name: str) -> str:
    """A column's name in words.

    >>> spelled("missing_minutes"), spelled("interface_id")
    ('missing minutes', 'ENI')
    """
    return _WORDS.get(name) or escape.terminal(name.replace("_", " "))


def what(columns: Sequence[str]) -> str:
    """What names made of these columns tell.

    >>> what(["interface_id", "protocol", "dstport"])
    'ENI · port'
    """
    joined = any(name in columns for name in _PORTS)
    told = [spelled(name) for name in columns if not (joined and name == "protocol")]
    return " · ".join(told)


def values(rows: pl.DataFrame) -> dict[str, Any]:
    """Data within a specification."""
    return {"data": {"values": rows.to_dicts()}}
