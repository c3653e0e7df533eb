"""Parquet files as DuckDB reads them itself: their rows counted, and their records as `flows`.

What a file's statistics prove isn't looked at. Of the rest the cheapest look that settles it is
taken: at the rows without traffic first, and only then at every row.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import reduce
from itertools import count
from operator import and_
from typing import Any

import duckdb

from flowlens.core.counts import KEPT_TEXT, Counts, MalformedLine
from flowlens.reading.parquet.columns import Shape
from flowlens.reading.parquet.proofs import (
    ACTIONS,
    Proven,
    all_proven,
    may_start,
    settled,
    settles,
    span,
    statuses,
)
from flowlens.reading.parquet.selects import SINCE, UNTIL, Selects, words
from flowlens.reading.parquet.sources import File
from flowlens.records.fields import quoted
from flowlens.records.patterns import NULLS, REQUIRED_BY_TRAFFIC
from flowlens.records.validate import Status
from flowlens.sql.engine import Connection

ROWS = 2_000
"""Malformed rows fetched at a time."""

_OTHERWISE = (
    duckdb.OutOfMemoryException,
    duckdb.InterruptException,
    duckdb.ParserException,
    duckdb.BinderException,
    duckdb.CatalogException,
)
"""What DuckDB raises for reasons of its own, or of the SQL."""

Window = tuple[datetime | None, datetime | None]
Span = tuple[datetime | None, datetime | None]


@dataclass(frozen=True, slots=True)
class Counted:
    """A file with what its rows are."""

    file: File
    counts: Counts

    @property
    def clean(self) -> bool:
        """Whether all rows are records."""
        return not self.counts.malformed


@dataclass(slots=True)
class _Unusual:
    """Of a file: rows by a log_status other than OK, with an odd action, without one when quiet."""

    statuses: Counter[str] = field(default_factory=Counter)
    actions: int = 0
    without_action: int = 0


_SETTLED = frozenset((*REQUIRED_BY_TRAFFIC, "log_status"))


@dataclass(frozen=True, slots=True)
class Tables:
    """Parquet files in a database that may open them."""

    connection: Connection
    _numbers: Iterator[int] = field(default_factory=count)

    def count(self, files: Sequence[File]) -> tuple[list[Counted], list[File]]:
        """The files with what their rows are, and those that break off as they are read."""
        counted: list[Counted] = []
        broken: list[File] = []
        for alike in _alike(files):
            left = alike
            for look in (self._told, self._by_status, self._by_row):
                counted += self._tried(look, left, broken)
                done = {item.file.index for item in counted} | {file.index for file in broken}
                left = [file for file in left if file.index not in done]
        return sorted(counted, key=lambda item: item.file.index), broken

    def malformed(self, counted: Sequence[Counted]) -> Iterator[tuple[int, MalformedLine]]:
        """The rows that are no records, each with the place of its source among the sources."""
        for file in (item.file for item in counted if not item.clean):
            selects, name = Selects(file.shape, file.known), file.source.name
            relation = self._relation([file])
            for lines in faulty(
                self.connection, selects, relation, number="file_row_number", source=name
            ):
                yield from ((file.index, line) for line in lines)

    def select(
        self, counted: Sequence[Counted], columns: Sequence[str], window: Window
    ) -> str | None:
        """One SELECT of all records but those that can't start in the window; None if none can."""
        self._set(SINCE, math.floor(window[0].timestamp()) if window[0] else None)
        self._set(UNTIL, math.ceil(window[1].timestamp()) if window[1] else None)
        parts = []
        for clean in (True, False):
            files = [
                item.file
                for item in counted
                if item.clean is clean and may_start(item.file.shape, item.file.whole, *window)
            ]
            for alike in _alike(files):
                selects = Selects(alike[0].shape, reduce(and_, (file.known for file in alike)))
                conditions = selects.window(since=bool(window[0]), until=bool(window[1]))
                parts.append(selects.flows(columns, self._relation(alike), *conditions))
        return "\nunion all\n".join(parts) or None

    def broken(self, counted: Sequence[Counted], columns: Sequence[str] | None) -> list[File]:
        """The files that can't be read to their end in what these columns of `flows` need.

        Without `columns` that is every column of a file.
        """
        return [item.file for item in counted if not self._reads(item.file, columns)]

    def _reads(self, file: File, columns: Sequence[str] | None) -> bool:
        names: Sequence[str] = [held.name for held in file.shape.held]
        if columns is not None:
            names = Selects(file.shape, file.known).needed(columns)
        # What a footer can answer, such as a count, would be no proof.
        listed = ", ".join(f"bit_xor(hash({quoted(name)}))" for name in names) or "count(*)"
        try:
            self.connection.execute(f"select {listed} from {self._relation([file])}").fetchall()
        except duckdb.Error as error:
            if not breaks(error):
                raise
            return False
        return True

    def span(self, counted: Sequence[Counted]) -> Span:
        """The first start and the last end of all records."""
        spans: list[Span] = []
        untold: list[Counted] = []
        for item in counted:
            told = span(item.file.shape, item.file.whole) if item.clean else None
            if told is None:
                untold.append(item)
            else:
                spans.append(told)
        records = self.select(untold, ("start_time", "end_time"), (None, None))
        if records:
            least = "min(start_time) as first, max(end_time) as last"
            table = self.connection.sql(f"select {least} from ({records})").to_arrow_table()
            spans += [(row["first"], row["last"]) for row in table.to_pylist()]
        return widest(spans)

    def _told(self, files: Sequence[File]) -> Iterator[Counted]:
        """The files that their statistics tell all about."""
        for file in files:
            known = statuses(file.shape, file.whole)
            if known is not None and file.known.clean(file.shape):
                yield Counted(file, tally(known))

    def _by_status(self, files: Sequence[File]) -> Iterator[Counted]:
        """The files that are settled by their rows without traffic and the words they use."""
        shape = files[0].shape
        files = [file for file in files if settles(shape, file.known, file.whole)]
        if not files:
            return
        relation = self._relation(files)
        unusual = self._unusual(shape, relation)
        nulls = self._nulls(shape, relation, reduce(and_, (file.known for file in files)))
        for number, file in enumerate(files):
            seen = unusual.get(number, _Unusual())
            counts = statuses(shape, file.whole)
            if counts is None and not seen.statuses.keys() <= set(Status):
                continue
            if counts is None:
                ok = file.whole.rows - seen.statuses.total()
                counts = Counter({Status.OK: ok}) + seen.statuses
            known = settled(
                file.known,
                shape,
                file.whole,
                usual=_SETTLED - nulls[number] - ({"action"} if seen.actions else set()),
                quiet=file.whole.rows - counts[Status.OK],
                without_action=seen.without_action,
            )
            if known.clean(shape):
                yield Counted(file.knowing(known), tally(counts))

    def _unusual(self, shape: Shape, relation: str) -> dict[int, _Unusual]:
        """By file: the rows that are no traffic, or whose action is none."""
        status, action = shape.get("log_status"), shape.get("action")
        quiet = f"{quoted(status.name)} <> '{Status.OK}'" if status else "false"
        odd = f"{quoted(action.name)} not in {words(ACTIONS)}" if action else "false"
        unusual: defaultdict[int, _Unusual] = defaultdict(_Unusual)
        rows = self.connection.execute(
            f"select file_index, {quoted(status.name) if status else 'null'}, {odd}, count(*) "
            f"from {relation} where {quiet} or {odd} group by all"
        ).fetchall()
        for number, word, is_odd, many in rows:
            found = unusual[number]
            if word not in (None, Status.OK):
                found.statuses[word] += many
            # Three-valued: a null is no odd action, and no usual one.
            found.actions += many if is_odd else 0
            found.without_action += many if is_odd is None else 0
        return unusual

    def _nulls(self, shape: Shape, relation: str, known: Proven) -> dict[int, set[str]]:
        """By file: the columns of addresses that have a null written as a text."""
        nulls: defaultdict[int, set[str]] = defaultdict(set)
        for held in shape.held:
            if held.column not in ("srcaddr", "dstaddr") or held.column in known.plain:
                continue
            rows = self.connection.execute(
                f"select distinct file_index from {relation} "
                f"where {quoted(held.name)} in {words(NULLS)}"
            ).fetchall()
            for (number,) in rows:
                nulls[number].add(held.column)
        return nulls

    def _by_row(self, files: Sequence[File]) -> Iterator[Counted]:
        """The files in which every row is looked at."""
        if not files:
            return
        shape = files[0].shape
        known = reduce(and_, (file.known for file in files))
        selects = Selects(shape, known)
        counts = tallied(self.connection, selects, self._relation(files), by="file_index")
        for number, file in enumerate(files):
            item = Counted(file, counts.get(number, Counts()))
            clean = file.knowing(all_proven(shape, file.known))
            yield replace(item, file=clean) if item.clean else item

    def _tried(
        self,
        look: Callable[[Sequence[File]], Iterator[Counted]],
        files: Sequence[File],
        broken: list[File],
    ) -> list[Counted]:
        """What a look at the files together gives; one by one if one of them breaks off."""
        if not files:
            return []
        try:
            return list(look(files))
        except duckdb.Error as error:
            if not breaks(error):
                raise
            if len(files) == 1:
                broken.append(files[0])
                return []
            return [item for file in files for item in self._tried(look, [file], broken)]

    def _relation(self, files: Sequence[File]) -> str:
        """The files as one relation. Folders named like `region=x` say nothing of a record."""
        name = f"flowlens_files_{next(self._numbers)}"
        self._set(name, [file.path for file in files])
        base = f"read_parquet(getvariable('{name}'), hive_partitioning = false)"
        return files[0].shape.relation(base, "file_index", "file_row_number")

    def _set(self, name: str, value: Any) -> None:
        self.connection.execute(f"set variable {name} = $value", {"value": value})


def _alike(files: Sequence[File]) -> list[list[File]]:
    """The files by their shape, in the order in which these come first."""
    shapes: defaultdict[Shape, list[File]] = defaultdict(list)
    for file in files:
        shapes[file.shape].append(file)
    return list(shapes.values())


def breaks(error: BaseException | None) -> bool:
    """Whether an error may come of a file that is not what its footer says, or is gone."""
    return isinstance(error, duckdb.Error) and not isinstance(error, _OTHERWISE)


def tally(known: Counter[str]) -> Counts:
    """Counts of records by their status."""
    return Counts(
        lines=known.total(),
        ok=known[Status.OK],
        nodata=known[Status.NODATA],
        skipdata=known[Status.SKIPDATA],
    )


def tallied(
    connection: Connection, selects: Selects, relation: str, *, by: str
) -> dict[int, Counts]:
    """Counts of all rows of a relation, by an integer; every row is looked at."""
    found = connection.execute(
        f"select {by}, {selects.status}, {selects.fault}, count(*) from {relation} group by all"
    ).fetchall()
    counts: defaultdict[int, Counts] = defaultdict(Counts)
    for place, status, fault, many in found:
        if fault is None:
            counts[place].add(tally(Counter({status: many})))
        else:
            reasons = Counter({str(selects.faults[fault].reason): many})
            counts[place].add(Counts(lines=many, malformed=many, reasons=reasons))
    return counts


def faulty(
    connection: Connection, selects: Selects, relation: str, *, number: str, source: str
) -> Iterator[list[MalformedLine]]:
    """The rows of a relation that are no records, in its order, some at a time.

    `number` is its column with the number of a row, from 0; that of a line counts from 1.
    """
    found = connection.execute(
        f"select {number}, {selects.fault}, {selects.shown}, "
        f"left({selects.text}, {KEPT_TEXT}), strlen({selects.text}) "
        f"from {relation} where {selects.fault} is not null order by {number}"
    )
    while rows := found.fetchmany(ROWS):
        yield [selects.faults[fault].line(source, row + 1, *shown) for row, fault, *shown in rows]


def widest(spans: Iterable[Span]) -> Span:
    """The first start and the last end of several spans."""
    known = list(spans)
    firsts = [first for first, _ in known if first is not None]
    lasts = [last for _, last in known if last is not None]
    return min(firsts, default=None), max(lasts, default=None)
