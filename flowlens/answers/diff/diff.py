"""What changed from one set of flow logs to another: sources, ports, ENIs, and what is let in.

Each side is read once. What it gives, by source, port and ENI, goes into a database in a temporary
directory, where the two are compared: only the rows that are shown come to Python.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import gcd

import pyarrow as pa
import pyarrow.compute as pc

from flowlens.answers.diff.side import MEMORY, TOTALS, Side, read_side
from flowlens.core.counts import Account, MalformedLine
from flowlens.core.interrupt import Deadline
from flowlens.output.formats import Format
from flowlens.pipeline.run import BATCH, Inputs, Listener, Top, bound
from flowlens.sql import catalog
from flowlens.sql.engine import Connection, engine, sql_errors
from flowlens.sql.queryfile import Column, Query

LEAST, TIMES = 10, 2
"""A change counts from so many records, and so many times as many or as few: the page says so."""

ALIKE = 1.05
"""Two sides are of one length if the longer is at most so many times the shorter."""

_FINEST = 1_000_000
"""Of what the lengths are told in, so that no product of theirs is too large."""

CHANGES = {
    "opened": ("inbound_changes", "opened"),
    "closed": ("inbound_changes", "closed"),
    "ports_rose": ("port_changes", "rose"),
    "new_sources": ("source_changes", "new"),
    "new_enis": ("eni_changes", "new"),
    "gone_enis": ("eni_changes", "gone"),
    "changed_enis": ("eni_changes", "changed"),
    "ports_fell": ("port_changes", "fell"),
    "gone_sources": ("source_changes", "gone"),
}
"""The parts of a difference, the most urgent first: their query, and the change they are about."""

ACCEPTS = ("opened", "closed")
"""Parts that only a log of accepted traffic can tell of."""


@dataclass(frozen=True, slots=True)
class Part:
    """One kind of change, such as `new_sources`; `rows` of them stand behind `top.head`."""

    name: str
    columns: tuple[Column, ...]
    top: Top


@dataclass(frozen=True, slots=True, repr=False)
class Difference:
    """What changed from `before` to `after`, the most urgent first.

    With `per_hour` the sides differ in length, and numbers per hour were compared. `accepts` tells
    whether both sides hold accepted traffic: where not, nothing is said of what is let in.
    """

    before: Side
    after: Side
    parts: tuple[Part, ...]
    per_hour: bool
    accepts: bool

    def __repr__(self) -> str:
        from flowlens.answers.diff.page import page

        return page(self, Format.TABLE).rstrip("\n")

    def _repr_html_(self) -> str:
        from flowlens.answers.diff.page import fragment

        return fragment(self)

    def part(self, name: str) -> Part:
        """The part of that name."""
        return next(part for part in self.parts if part.name == name)

    @property
    def changed(self) -> bool:
        """Whether anything changed that counts."""
        return any(part.top.rows for part in self.parts)

    @property
    def account(self) -> Account:
        """What was read for both sides; a source that both read is there once.

        `selected` is that of the side with fewer records.
        """
        before, after = self.before.account, self.after.account
        known = {source.name for source in before.sources}
        counted = [
            one.total.records if one.selected is None else one.selected for one in (before, after)
        ]
        narrowed = not all(counted) or before.selected is not None or after.selected is not None
        both = Account(
            [*before.sources, *(one for one in after.sources if one.name not in known)],
            before.columns | after.columns,
            tuple(dict.fromkeys((*before.passed_over, *after.passed_over))),
            min(counted) if narrowed else None,
        )
        for one in (before, after):
            both.see(one.first_seen, one.last_seen)
        return both

    def to_dict(self) -> dict[str, object]:
        """The difference as one JSON object; times are datetimes."""
        return {
            "changed": self.changed,
            "before": self.before.to_dict(),
            "after": self.after.to_dict(),
            "factors": {name: factor(self, name) for name in TOTALS},
            "per_hour": self.per_hour,
            "accepts": self.accepts,
            "rule": {"least": LEAST, "times": TIMES},
            "parts": {
                part.name: {"rows": part.top.rows, "top": part.top.head.to_pylist()}
                for part in self.parts
            },
        }

    def ratio(self, before: int, after: int) -> float | None:
        """How many times as many, per hour where the lengths differ; None where there were none."""
        if not before:
            return None
        weight = self.before.seconds / self.after.seconds if self.per_hour else 1.0
        return after / before * weight


def factor(difference: Difference, name: str) -> float | None:
    """The factor of a total, with three decimals. Sources and ENIs are no rates."""
    before, after = getattr(difference.before, name), getattr(difference.after, name)
    if name in ("sources", "enis"):
        return round(after / before, 3) if before else None
    ratio = difference.ratio(before, after)
    return None if ratio is None else round(ratio, 3)


def compare(
    before: Inputs,
    after: Inputs,
    *,
    rows: int = 10,
    listener: Listener | None = None,
    seen: pa.ChunkedArray | None = None,
) -> Difference:
    """Read both sides once, and say what changed; `rows` of each part, 0 for all.

    Addresses that were `seen` still earlier are no new sources.

    Raises:
        NoInputError: a side has no sources, or none that could be read.
    """
    listener = listener or Listener()
    deadline = Deadline(listener.timeout)
    try:
        with engine(timeout=listener.timeout) as connection:
            quiet = replace(listener, on_end=None, timeout=deadline.left)
            first = read_side(connection, "before", before, quiet)
            if seen is not None:
                _note_seen(connection, seen)
            told = _unread(first.account, listener.on_malformed)
            once = replace(quiet, on_malformed=told, timeout=deadline.left)
            second = read_side(connection, "after", after, once)
            connection.execute("set memory_limit = $memory", {"memory": MEMORY})
            return _compared(connection, first, second, rows)
    finally:
        if listener.on_end is not None:
            listener.on_end()


def _note_seen(connection: Connection, seen: pa.ChunkedArray) -> None:
    """Note addresses as in some record before, and refused in none."""
    connection.register("seen", pa.table({"address": seen}))
    with sql_errors():
        connection.execute(
            "insert into sources_before by name select distinct address as srcaddr,"
            " false as inside, 1 as met, 0 as sent, 0 as records from seen"
        )
    connection.unregister("seen")


def _unread(
    account: Account, told: Callable[[MalformedLine], None] | None
) -> Callable[[MalformedLine], None] | None:
    """Tells of malformed lines in sources that aren't in the account: each is told of once."""
    if told is None:
        return None
    known = {source.name for source in account.sources}
    return lambda line: None if line.source in known else told(line)


def _compared(connection: Connection, before: Side, after: Side, rows: int) -> Difference:
    seconds = before.seconds, after.seconds
    per_hour = min(seconds) > 0 and max(seconds) > ALIKE * min(seconds)
    accepts = before.accepted > 0 and after.accepted > 0
    lengths = _lengths(*seconds) if per_hour else (1, 1)
    given: dict[str, object] = {
        "length_before": lengths[0],
        "length_after": lengths[1],
        "least": LEAST,
        "times": TIMES,
        "accepts": accepts,
    }
    told = [name for name in CHANGES if accepts or name not in ACCEPTS]
    parts: dict[str, Part] = {}
    for query in {CHANGES[name][0]: None for name in told}:
        about = {CHANGES[name][1]: name for name in told if CHANGES[name][0] == query}
        parts |= _parts(connection, catalog.comparing()[query], given, about, rows)
    return Difference(before, after, tuple(parts[name] for name in told), per_hour, accepts)


def _lengths(before: int, after: int) -> tuple[int, int]:
    """Two lengths in a unit of their own, both under a million.

    >>> _lengths(86_400, 3_600), _lengths(100_000_000, 1)
    ((24, 1), (1000000, 1))
    """
    common = gcd(before, after)
    before, after = before // common, after // common
    most = max(before, after, _FINEST)
    return max(1, before * _FINEST // most), max(1, after * _FINEST // most)


def _parts(
    connection: Connection,
    query: Query,
    given: Mapping[str, object],
    about: Mapping[str, str],
    rows: int,
) -> dict[str, Part]:
    """The parts that one query tells, by name; `about` has the name of each change."""
    values = bound(query, {})
    values |= {name: value for name, value in given.items() if name in values}
    heads: dict[str, list[pa.RecordBatch]] = {change: [] for change in about}
    counts = dict.fromkeys(about, 0)
    records = dict.fromkeys(about, 0)
    with sql_errors():
        reader = connection.sql(query.sql, params=values).to_arrow_reader(BATCH)
        for batch in reader:
            for change in pc.unique(batch["change"]).to_pylist():
                chosen = batch.filter(pc.equal(batch["change"], change))
                left = chosen.num_rows if not rows else max(0, rows - counts[change])
                if left:
                    heads[change].append(chosen.slice(0, left))
                counts[change] += chosen.num_rows
                if "records" in chosen.schema.names:
                    records[change] += pc.sum(chosen["records"]).as_py() or 0
    schema = reader.schema
    return {
        name: Part(
            name,
            query.columns,
            Top(pa.Table.from_batches(heads[change], schema), counts[change], records[change]),
        )
        for change, name in about.items()
    }
