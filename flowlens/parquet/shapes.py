"""Shapes: which column of `flows` each column of a Parquet file is, and what none of them can be.

Names are AWS's own with `_`, flowlens's, and those of Athena's tables, in upper or lower case. What
flowlens doesn't know keeps its own name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

from flowlens.fields import Field, Kind, columns_by_token, field_of, fields
from flowlens.layouts import Layout
from flowlens.parquet.footers import Type

ALIASES = {
    "account": "account_id",
    "sourceaddress": "srcaddr",
    "destinationaddress": "dstaddr",
    "sourceport": "srcport",
    "destinationport": "dstport",
    "numpackets": "packets",
    "numbytes": "bytes",
}
"""Names in the tables of Athena's older documentation, beside those that only lack the `_`."""

_NUMBERS = (Type.INTEGER, Type.NUMBER, Type.TEXT)
_TYPES = {
    Kind.PORT: _NUMBERS,
    Kind.BYTE: _NUMBERS,
    Kind.INT32: _NUMBERS,
    Kind.INT64: _NUMBERS,
    Kind.TIME: (*_NUMBERS, Type.MOMENT),
    Kind.ADDRESS: (Type.TEXT,),
    Kind.ACTION: (Type.TEXT,),
    Kind.STATUS: (Type.TEXT,),
}
"""What a file may write a field as; a text field can be anything that has a text."""

_NAMED = 6


class NoFlowLogError(ValueError):
    """A Parquet file holds no flow log, or one that can't be read; the message says which."""


@dataclass(frozen=True, slots=True)
class Held:
    """A column of a file: its `name` there, its type, and the column of `flows` that it is."""

    name: str
    type: Type
    column: str

    @property
    def field(self) -> Field:
        """The field, known or not."""
        return field_of(self.column)


@dataclass(frozen=True, slots=True)
class Shape:
    """The columns of a Parquet file in their order; files of one shape are read as one table."""

    held: tuple[Held, ...]

    @property
    def layout(self) -> Layout:
        """The same columns as those of text records."""
        return Layout(tuple(held.column for held in self.held))

    def get(self, column: str) -> Held | None:
        """What holds a column of `flows`, if anything does."""
        return next((held for held in self.held if held.column == column), None)

    def __str__(self) -> str:
        layout = self.layout
        return f"version {layout.version}, {len(self.held)} fields, by its Parquet schema"


@lru_cache(maxsize=256)
def shape(columns: tuple[tuple[str, Type], ...]) -> Shape:
    """The shape of a file with these columns.

    Raises:
        NoFlowLogError: they are no flow log's, one is of a type that it can't be, or two are one.

    >>> [held.column for held in shape((("SrcAddr", Type.TEXT), ("start", Type.INTEGER))).held]
    ['srcaddr', 'start_time']
    """
    # Nobody can ask for a column without a name, or with one that can't be written.
    held = tuple(
        Held(name, kind, column_of(name)) for name, kind in columns if name and name.isprintable()
    )
    known = [found for found in held if found.column in fields()]
    if not known or (2 * len(known) < len(held) and not _both_ends(held)):
        raise NoFlowLogError(f"Parquet, but no flow log: {_listed(columns)}")
    for found in held:
        others = [other.name for other in held if other.column == found.column]
        if len(others) > 1:
            raise NoFlowLogError(
                f"Parquet in which {' and '.join(map(repr, others))} are one column; leave one out"
            )
        allowed = _TYPES.get(found.field.kind)
        possible = found.type in allowed if allowed else found.type is not Type.NESTED
        if found.column in fields() and (not possible or found.type is Type.BINARY):
            raise NoFlowLogError(
                f"Parquet whose column {found.name!r} is {found.type}, which "
                f"{found.field.token or found.column} can't be; write it as "
                f"{'text' if allowed == (Type.TEXT,) or not allowed else 'integers'}"
            )
    return Shape(held)


def column_of(name: str) -> str:
    """The column of `flows` that a file's column is.

    >>> column_of("Start"), column_of("interfaceid"), column_of("tcp-flags"), column_of("Owner")
    ('start_time', 'interface_id', 'tcp_flags', 'owner')
    """
    plain = name.lower().replace("-", "_")
    return _columns().get(plain) or _columns().get(plain.replace("_", "")) or plain


@cache
def _columns() -> dict[str, str]:
    known = {token.lower(): column for token, column in columns_by_token().items()}
    known |= {name: name for name in fields()}
    without = {name.replace("_", ""): column for name, column in known.items()}
    return {**ALIASES, **without, **known}


def _both_ends(held: Sequence[Held]) -> bool:
    columns = {found.column for found in held}
    return {"srcaddr", "dstaddr"} <= columns or {"pkt_srcaddr", "pkt_dstaddr"} <= columns


def _listed(columns: Sequence[tuple[str, Type]]) -> str:
    if not columns:
        return "it has no columns"
    names = [repr(name) if not name.isprintable() else name for name, _ in columns[:_NAMED]]
    more = f" and {len(columns) - _NAMED} more" if len(columns) > _NAMED else ""
    return f"it has {'columns' if len(columns) > 1 else 'the column'} {', '.join(names)}{more}"
