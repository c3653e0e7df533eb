"""OCSF events in Parquet, as Security Lake keeps them, as a relation with a column for each field.

The tree of an event differs from version to version and from source to source: each place is
looked for in what DuckDB writes of it as JSON, so that none must be there. Nothing but fixed text
goes into the SQL.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from types import MappingProxyType

from flowlens.reading import ocsf
from flowlens.records.columnnames import words
from flowlens.records.fields import Kind, fields, quoted
from flowlens.records.patterns import NULLS
from flowlens.records.validate import LIMITS

PREFIX = "flowlens_"
"""What the relation's columns begin with, so that none has the name of a file's own."""


@cache
def columns() -> tuple[str, ...]:
    """The fields that an event can have: those with a place, and those left unmapped."""
    return tuple(field.column for field in fields().values() if field.token)


def sources(names: Sequence[str]) -> tuple[str, ...]:
    """Those of a file's columns that are looked at."""
    roots = {path[0] for paths in ocsf.places().values() for path in paths}
    return tuple(name for name in names if name in roots | {"class_uid", "unmapped"})


def relation(names: tuple[str, ...], base: str, kept: Sequence[str]) -> str:
    """A relation over `base`, which has columns of these names; those `kept` stay as they are."""
    listed = [quoted(name) for name in kept]
    listed += [f"{_value(column, names)} as {quoted(PREFIX + column)}" for column in columns()]
    return f"(select {', '.join(listed)} from {base})"


def _value(column: str, names: Sequence[str]) -> str:
    if column == "action":
        quiet = f"{_status(names)} in ('nodata', 'skipdata')"
        return f"case when {quiet} then null else {_action(names)} end"
    if column == "log_status":
        other = f"cast(class_uid as varchar) <> '{ocsf.CLASS}'"
        known = _words("log_status", _status(names))
        return f"case when {other} then 'class ' || cast(class_uid as varchar) else {known} end"
    if column == "flow_direction":
        return _words(column, f"lower({_first(_places(column, names))})")
    text = _first(_places(column, names))
    if not is_number(column):
        return text
    other = "-1" if ocsf.places().get(column) else "null"
    if column == "protocol":
        other = f"cast({_words(column, f'lower({text})')} as bigint), {other}"
    if fields()[column].kind is Kind.TIME:
        other = f"epoch_us(try_cast({text} as timestamptz)) // 1000, {other}"
    # What is no number is out of range, so that the row is told.
    return f"case when {text} is not null then coalesce(try_cast({text} as bigint), {other}) end"


def is_number(column: str) -> bool:
    """Whether a field is a number or a time."""
    return fields()[column].kind in LIMITS


def _status(names: Sequence[str]) -> str:
    return f"lower({_first(_places('log_status', names))})"


def _action(names: Sequence[str]) -> str:
    places = _places("action", names)
    return _first([_words("action", f"lower({place})", ocsf.ACTIONS) for place in places])


def _words(column: str, text: str, more: Mapping[str, str] = MappingProxyType({})) -> str:
    cases = [f"when '{word}' then '{value}'" for word, value in {**words(column), **more}.items()]
    return f"case {text} {' '.join(cases)} end"


def _first(places: Sequence[str]) -> str:
    return f"coalesce({', '.join([*places, 'cast(null as varchar)'])})"


def _places(column: str, names: Sequence[str]) -> list[str]:
    """The places of a column's value in a file, as texts; one that says nothing is null."""
    token = fields()[column].token
    own = (("unmapped", token.replace("-", "_")), ("unmapped", token))
    found = [_text(path) for path in (*ocsf.places().get(column, ()), *own) if path[0] in names]
    for null in ("", *NULLS):
        found = [f"nullif({text}, '{null}')" for text in found]
    return found


def _text(path: tuple[str, ...]) -> str:
    if len(path) == 1:
        return f"cast({quoted(path[0])} as varchar)"
    steps = "".join(f'."{step}"' for step in path[1:])
    first = "[0]" if path[-1] == "intermediate_ips" else ""
    return f"json_extract_string(to_json({quoted(path[0])}), '${steps}{first}')"
