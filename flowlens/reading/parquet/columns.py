"""Shapes: which column of `flows` each column of a Parquet file is, and what none of them can be.

What the names mean is said by `columnnames`, for Parquet as for CSV and JSON.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from flowlens.reading import ocsf
from flowlens.reading.parquet import events
from flowlens.reading.parquet.footers import RowGroup, Type
from flowlens.records import columnnames
from flowlens.records.columnnames import (
    NamesError,
    depends_on_values,
    is_record,
    known,
    require_record,
)
from flowlens.records.fields import Field, Kind, field_of, fields
from flowlens.records.layouts import Layout, from_table

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
    """The columns of a Parquet file in their order; files of one shape are read as one table.

    Of one with OCSF's `events` these are the file's columns, and `held` what is made of them.
    """

    held: tuple[Held, ...]
    events: tuple[str, ...] = ()

    def relation(self, base: str, *kept: str) -> str:
        """What holds the columns: the file's own relation, or that of its events."""
        return events.relation(self.events, base, kept) if self.events else base

    @property
    def layout(self) -> Layout:
        """The same columns as those of text records."""
        names = tuple(held.name for held in self.held)
        return from_table(tuple(held.column for held in self.held), names)

    @property
    def is_own(self) -> bool:
        """Whether flowlens wrote it, as an answer that has all of its columns."""
        return fields().keys() <= {held.column for held in self.held}

    def get(self, column: str) -> Held | None:
        """What holds a column of `flows`, if anything does."""
        return next((held for held in self.held if held.column == column), None)

    def __str__(self) -> str:
        layout = self.layout
        if self.events:
            return "OCSF events, by their Parquet schema"
        return f"version {layout.version}, {len(self.held)} fields, by its Parquet schema"


@lru_cache(maxsize=256)
def shape(
    columns: tuple[tuple[str, Type], ...], samples: tuple[tuple[str, tuple[object, ...]], ...] = ()
) -> Shape:
    """The shape of a file with these columns; `samples` are values of those that only these tell.

    Raises:
        NoFlowLogError: they are no flow log's, one is of a type that it can't be, or two are one.

    >>> [held.column for held in shape((("SrcAddr", Type.TEXT), ("start", Type.INTEGER))).held]
    ['srcaddr', 'start_time']
    """
    # Nobody can ask for a column without a name, or with one that can't be written.
    kept = [(name, kind) for name, kind in columns if name and name.isprintable()]
    names = [name for name, _ in kept]
    if ocsf.is_event(names) and ("src_endpoint", Type.NESTED) in kept:
        kinds = {True: Type.INTEGER, False: Type.TEXT}
        made = tuple(
            Held(events.PREFIX + name, kinds[events.is_number(name)], name)
            for name in events.columns()
        )
        return Shape(made, events.sources(names))
    if not is_record(names) and not any(known(name) for name in names):
        raise NoFlowLogError(f"Parquet, but no flow log: {_listed(columns)}")
    values = dict(samples)
    try:
        _require_apart(names)
        places = columnnames.columns(names, lambda name: values.get(name, ()), _spelled)
        require_record(names, places)
    except NamesError as error:
        raise NoFlowLogError(f"Parquet: {error}") from error
    held = tuple(Held(name, kind, place) for (name, kind), place in zip(kept, places, strict=True))
    if not is_record(names):
        raise NoFlowLogError(f"Parquet, but no flow log: {_listed(columns)}")
    for found in held:
        allowed = _TYPES.get(found.field.kind)
        possible = found.type in allowed if allowed else found.type is not Type.NESTED
        if found.column in fields() and (not possible or found.type is Type.BINARY):
            raise NoFlowLogError(
                f"Parquet whose column {found.name!r} is {found.type}, which "
                f"{found.field.token or found.column} can't be; write it as "
                f"{'text' if allowed == (Type.TEXT,) or not allowed else 'integers'}"
            )
    return Shape(held)


def samples(
    columns: Sequence[tuple[str, Type]], whole: RowGroup
) -> Iterator[tuple[str, tuple[object, ...]]]:
    """Values of the columns whose names don't tell alone what they are, by a file's statistics."""
    for name, kind in columns:
        told = whole.statistics.get(name)
        if kind is Type.TEXT and told is not None and depends_on_values(name):
            yield name, (told.low, told.high)


def _spelled(name: str) -> str:
    """An unknown column's name as SQL has it, with all that is in it."""
    return name.lower().replace("-", "_")


def _require_apart(names: Sequence[str]) -> None:
    """See that no two names differ by case alone: DuckDB couldn't tell these columns apart."""
    seen: dict[str, str] = {}
    for name in names:
        other = seen.setdefault(name.lower(), name)
        if other != name or names.count(name) > 1:
            raise NamesError(f"the columns {other!r} and {name!r} are one column; leave one out")


def _listed(columns: Sequence[tuple[str, Type]]) -> str:
    if not columns:
        return "it has no columns"
    names = [repr(name) if not name.isprintable() else name for name, _ in columns[:_NAMED]]
    more = f" and {len(columns) - _NAMED} more" if len(columns) > _NAMED else ""
    return f"it has {'columns' if len(columns) > 1 else 'the column'} {', '.join(names)}{more}"
