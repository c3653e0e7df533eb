"""What must hold between keys of a job file, each of which is well on its own."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence, Set
from contextlib import suppress
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from flowlens.batch.job import HOUR, STDOUT
from flowlens.batch.jobfile.inputs import is_remote, lies_in, would_read
from flowlens.batch.jobfile.keys import KINDS
from flowlens.batch.jobfile.problems import Problems
from flowlens.batch.jobfile.reading import Table
from flowlens.batch.jobtypes import Name, Way, Wrong, convert, shown
from flowlens.core.errors import UsageError, nearest
from flowlens.sql import catalog

Values = Mapping[str, Any]

PUBLISHED = ("run", "report", "scanners", "mail", "alerts")
"""Names that published files have; a query's or a summary's file has that of its own."""

_STORED = ("part.parquet", "ledger.sqlite", "ledger.db")


def places(top: Values, problems: Problems) -> None:
    """See that nothing the job writes is read by it, and that store and output are apart."""
    store, output = top.get("store"), top.get("output")
    if store and output:
        if lies_in(str(output), store):
            problems.add(("output",), "lies in the store; name a directory apart from it")
        elif lies_in(str(store), output):
            problems.add(("store",), "lies in the output; name a directory apart from it")
    written = tuple(f"{name}.{end}" for name in PUBLISHED for end in ("csv", "json", "parquet"))
    for number, name in _local(top):
        for key, place, files in (("store", store, _STORED), ("output", output, written)):
            if place and lies_in(name, place):
                problems.add(("inputs", number), f"would read the job's own {key}; leave it out")
            elif place and would_read(name, place, files):
                problems.add(
                    (key,), f"lies in the {_input(name, problems)}; name a directory apart"
                )


def file(at: tuple[str, ...], place: Path, top: Values, problems: Problems) -> None:
    """See that a file which runs write is one, and is neither in the store nor read as an input.

    A FIFO or a device may hold up a run for ever.
    """
    if place.exists() and not (place.is_file() or place.is_dir()):
        problems.add(at, f"{shown(str(place))} is no regular file; name a file")
    store = top.get("store")
    if store and lies_in(str(place), store):
        problems.add(at, "lies in the store; name a file elsewhere")
    for _, name in _local(top):
        if would_read(name, place):
            problems.add(at, f"lies in the {_input(name, problems)}; name a file elsewhere")


def _local(top: Values) -> list[tuple[int, str]]:
    """The inputs in the file system, each with its number."""
    return [item for item in _good(top.get("inputs", ())) if not is_remote(item[1])]


def _good(values: Sequence[Any]) -> list[tuple[int, Any]]:
    """The elements of a list with their numbers, without those that can't be meant."""
    return [(number, value) for number, value in enumerate(values) if value is not None]


def _input(name: str, problems: Problems) -> str:
    """An input as the file has it, as far as that is known."""
    base = os.path.dirname(os.path.abspath(problems.path))
    return f"input {shown(name.removeprefix(os.path.join(base, '')))}"


def spans(top: Values, retention: Values, problems: Problems) -> None:
    """See that nothing is dropped before it can be published."""
    if "interval" not in top:
        return
    least = top["interval"] + top.get("lateness", HOUR)
    for key, kept in retention.items():
        if kept < least:
            problems.add(("retention", key), "is shorter than interval and lateness; give more")


def queries(
    top: Values, asked: Sequence[str] | None, params: Mapping[str, Table], problems: Problems
) -> dict[str, dict[str, str]]:
    """See that there are the queries, and that their parameters fit; gives these as text.

    `asked` is None where the list of queries is wrong itself.
    """
    own = _own(top, problems)
    if asked is None or own is None:
        return {}
    known = [name for _, name in _good(asked)]
    for number, name in _good(asked):
        at = ("queries", number)
        try:
            catalog.find(name, extra=own)
        except UsageError as error:
            problems.add(at, str(error))
        if name in PUBLISHED or name in top.get("summaries", ()):
            problems.add(at, f"{name!r} is the name of another published file; leave one out")
    return {name: _bound(name, known, values, own, problems) for name, values in params.items()}


def _bound(
    name: str,
    asked: Sequence[str],
    values: Table,
    own: Mapping[str, catalog.Query],
    problems: Problems,
) -> dict[str, str]:
    """The parameters of a query, as text."""
    at = ("params", name)
    if name not in asked:
        problems.add(at, f"is not in queries; {nearest(name, asked) if asked else 'add it there'}")
        return {}
    bound: dict[str, str] = {}
    for key, value in values.items():
        given = _as_text(value)
        if given is None:
            problems.add((*at, key), f"{shown(value)} is no value of a parameter")
            continue
        bound[key] = given
        with suppress(UsageError):  # an unknown query has been told of
            query = catalog.find(name, extra=own)
            try:
                catalog.bind(query, {key: given})
            except UsageError as error:
                problems.add((*at, key), str(error))
    return bound


def _own(top: Values, problems: Problems) -> dict[str, catalog.Query] | None:
    """The user's own queries; None where they can't be had."""
    if "query_files" not in top:
        return {}
    if not os.path.isdir(top["query_files"]):
        problems.add(("query_files",), "no such directory; name one with a NAME.sql for each query")
        return None
    try:
        return catalog.load(top["query_files"])
    except (UsageError, OSError) as error:
        problems.add(("query_files",), str(error))
        return None


def _as_text(value: object) -> str | None:
    """A parameter as one would give it on the command line."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime | date):
        return value.isoformat()
    return None if isinstance(value, dict | list | time) else str(value)


def alert(
    at: Way, table: Table, values: Values, names: Set[str], known: Set[str], problems: Problems
) -> None:
    """See that an alert is the only one of its name, can fire, and reaches somebody."""
    if "above" not in table and "below" not in table:
        problems.add(at, "has neither above nor below; give a number to compare `value` with")
    if values.get("name") in names:
        problems.add((*at, "name"), f"{shown(values['name'])} is another alert's; rename one")
    for number, name in _good(values.get("to", ())):
        if name not in known:
            problems.add(
                (*at, "to", number), f"no destination {shown(name)}; {nearest(name, known)}"
            )


def destination(at: tuple[str, str], table: Table, problems: Problems) -> None:
    """See that a destination has a name of its own, and is exactly one thing."""
    try:
        convert(at[1], Name, Path())
    except Wrong as wrong:
        problems.add_all(at, wrong)
    if at[1] == STDOUT:
        problems.add(at, "is always there; name this one otherwise")
    given = [key for key in KINDS if key in table]
    if len(given) != 1:
        what = f"is {' and '.join(given)} at once" if given else "doesn't say where to"
        problems.add(at, f"{what}; give one of {', '.join(KINDS)}")
