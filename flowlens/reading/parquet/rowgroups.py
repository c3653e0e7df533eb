"""Parquet that DuckDB can't open itself, row group by row group: objects elsewhere, odd names.

Only the columns are fetched that the question and the check of the rows need. What becomes of them
is said by the same SELECTs as for files, over each batch of rows.
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from queue import Empty, Full, Queue
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa

from flowlens.core.counts import Counts, MalformedLine
from flowlens.core.interrupt import AGAIN
from flowlens.inputs.find import Source
from flowlens.reading.parquet.columns import Shape, samples, shape
from flowlens.reading.parquet.footers import (
    RowGroup,
    Type,
    faults,
    first_line,
    footer,
    opened,
    parquet,
)
from flowlens.reading.parquet.proofs import may_start, proven, span, statuses
from flowlens.reading.parquet.selects import Selects
from flowlens.reading.parquet.sources import REFUSED, TOGETHER, why
from flowlens.reading.parquet.tables import Span, Window, breaks, faulty, tallied, tally
from flowlens.records.parser import Wanted
from flowlens.records.table import arrow_schema
from flowlens.records.table import span as seen
from flowlens.sql.engine import Connection, cursor

if TYPE_CHECKING:
    import pyarrow.parquet as pq

BATCH = 131_072
"""Rows looked at together."""

SMALL = 8 << 20
"""A source up to this size is read as one piece of work; of a larger one each row group is one."""

THREADS = 4
"""At least so many sources are read together, for most of it is waiting."""

HELD = 2
"""Parts of a piece of work that may wait to be taken."""

Numbered = tuple[int, Source]


@dataclass(slots=True)
class Part:
    """What some rows of a source gave; `broken` says why there are no more of them.

    It `failed` if the source couldn't be reached, rather than understood. `lost` are rows that
    can't be read.
    """

    index: int
    shape: Shape | None = None
    compression: str = ""
    counts: Counts = field(default_factory=Counts)
    malformed: list[MalformedLine] = field(default_factory=list)
    table: pa.Table | None = None
    span: Span = (None, None)
    broken: str = ""
    failed: bool = False
    lost: int = 0
    done: int = 0


class _EndedError(Exception):
    """Nobody takes the parts any more."""


class RowGroups:
    """One pass over streamed Parquet sources: iterate for parts, in the order of the sources."""

    def __init__(
        self,
        connection: Connection,
        sources: Sequence[Numbered],
        wanted: Wanted,
        window: Window,
        *,
        threads: int,
        every_page: bool = False,
        stopped: Callable[[], bool] | None = None,
    ) -> None:
        self._connection = connection
        self._sources = sources
        self._wanted = wanted
        self._window = window
        self._threads = max(threads, THREADS)
        self._every_page = every_page
        self._stopped = stopped
        self._local = threading.local()
        self._ended = threading.Event()

    def __iter__(self) -> Iterator[Part]:
        pool = ThreadPoolExecutor(self._threads, thread_name_prefix="flowlens-parquet")
        pending: deque[Queue[Part | BaseException | None]] = deque()
        try:
            for index, source, number in self._pieces():
                pending.append(Queue(HELD))
                pool.submit(self._work, pending[-1], index, source, number)
                if len(pending) > self._threads:
                    yield from self._taken(pending.popleft())
            while pending:
                yield from self._taken(pending.popleft())
        finally:
            self._ended.set()
            # What waits for a place that doesn't answer is not waited for any more.
            stopped = self._stopped is not None and self._stopped()
            pool.shutdown(wait=not stopped, cancel_futures=True)

    def _pieces(self) -> Iterator[tuple[int, Source, int | None]]:
        """What is read as one piece: a row group of a large source, or a source as a whole."""
        for place, (index, source) in enumerate(self._sources):
            if place % TOGETHER == 0:
                for _, later in self._sources[place : place + TOGETHER]:
                    if later.ahead:
                        later.ahead()
            groups: Sequence[int | None] = (None,)
            if (source.size or 0) > SMALL:
                with suppress(*REFUSED), opened(source) as file:
                    groups = range(parquet(file).metadata.num_row_groups) or (None,)
            yield from ((index, source, number) for number in groups)

    def _taken(self, parts: Queue[Part | BaseException | None]) -> Iterator[Part]:
        while True:
            if self._stopped and self._stopped():
                raise KeyboardInterrupt
            with suppress(Empty):
                part = parts.get(timeout=AGAIN)
                if part is None:
                    return
                if isinstance(part, BaseException):
                    raise part
                yield part

    def _work(
        self,
        parts: Queue[Part | BaseException | None],
        index: int,
        source: Source,
        number: int | None,
    ) -> None:
        with suppress(_EndedError):
            try:
                for part in self._parts(index, source, number):
                    self._put(parts, part)
            except Exception as error:  # it is raised where the parts are taken
                self._put(parts, error)
            self._put(parts, None)

    def _put(
        self,
        parts: Queue[Part | BaseException | None],
        item: Part | BaseException | None,
    ) -> None:
        while not self._ended.is_set():
            with suppress(Full):
                parts.put(item, timeout=0.1)
                return
        raise _EndedError

    def _parts(self, index: int, source: Source, number: int | None) -> Iterator[Part]:
        """One row group of a source, or all of them."""
        try:
            with opened(source) as file:
                content = parquet(file)
                found = footer(content.metadata)
                its = shape(found.columns, tuple(samples(found.columns, found.whole())))
                marked = found.marked or its.is_own
                yield Part(index, its, found.compression)
                before = 0
                for place, group in enumerate(found.groups):
                    chunk = _Chunk(
                        index,
                        source.name,
                        content,
                        place,
                        its,
                        group,
                        before,
                        whole=self._every_page,
                        marked=marked,
                    )
                    before += group.rows
                    if number not in (None, place):
                        continue
                    try:
                        yield from chunk.parts(self._cursor, self._wanted, self._window)
                    except REFUSED as error:  # the row groups behind it may be whole
                        yield Part(index, broken=why(error), failed=isinstance(error, OSError))
        except REFUSED as error:
            yield Part(index, broken=why(error), failed=isinstance(error, OSError))
        if not number:
            yield Part(index, done=source.size or 0)

    @property
    def _cursor(self) -> Connection:
        if not hasattr(self._local, "cursor"):
            self._local.cursor = cursor(self._connection)
        made: Connection = self._local.cursor
        return made


@dataclass(frozen=True, slots=True)
class _Chunk:
    """A row group of an open file; `before` rows stand before it. It may be read `whole`."""

    index: int
    name: str
    content: pq.ParquetFile
    place: int
    shape: Shape
    group: RowGroup
    before: int
    whole: bool
    marked: bool

    def parts(self, cursor: Connection, wanted: Wanted, window: Window) -> Iterator[Part]:
        """The rows, counted and, as far as they can be in the window, as tables.

        Raises:
            OSError: the source can't be read on.
            ValueError: its data are broken.
        """
        selects = Selects(self.shape, proven(self.shape, self.group, marked=self.marked))
        may = may_start(self.shape, self.group, *window)
        told = None if selects.faults else statuses(self.shape, self.group)
        times = None if selects.faults else span(self.shape, self.group)
        columns = dict.fromkeys(wanted.columns if may else ())
        if times is None:
            columns |= dict.fromkeys(("start_time", "end_time"))
        if not columns and told is not None and not self.whole:
            yield Part(self.index, counts=tally(told), span=times or (None, None))
            return
        needed = selects.needed((*columns, *(("log_status",) if told is None else ())))
        if self.whole:
            needed = tuple(held.name for held in self.shape.held)
        malformed = read = 0
        failure: Exception | None = None
        try:
            for rows in self._batches(needed):
                part = self._part(cursor, selects, rows, tuple(columns), told)
                if times is None and part.table is not None:
                    part.span = seen(part.table)
                part.table = (
                    _narrowed(part.table, wanted) if may and part.table is not None else None
                )
                malformed += part.counts.malformed
                read += len(rows)
                yield part
        except REFUSED as error:
            failure = error
        if malformed:
            yield from self._malformed(cursor, selects, self.before + read)
        if failure is not None:
            yield Part(self.index, lost=self.group.rows - read)
            raise failure
        yield Part(self.index, span=times or (None, None))

    def _part(
        self,
        cursor: Connection,
        selects: Selects,
        rows: pa.Table,
        columns: tuple[str, ...],
        told: Counter[str] | None,
    ) -> Part:
        """Some rows, counted, and their records in these columns of `flows`."""
        part, relation = Part(self.index), self.shape.relation("part")
        with _broken():
            cursor.register("part", rows)
            if told is None:
                part.counts = tallied(cursor, selects, relation, by="0").get(0, Counts())
            else:
                part.counts = tally(Counter(dict.fromkeys(told, len(rows))))
            if columns:
                part.table = cursor.sql(selects.flows(columns, relation)).to_arrow_table()
            cursor.unregister("part")
        return part

    def _batches(self, names: Sequence[str]) -> Iterator[pa.Table]:
        """The row group in these columns, in types and with texts that DuckDB can take."""
        types = {held.name: held.type for held in self.shape.held}
        names = self.shape.events or names
        # A column must be read for the rows to be there.
        names = list(names) or [held.name for held in self.shape.held[:1]]
        with faults():
            batches = self.content.iter_batches(BATCH, row_groups=[self.place], columns=names)
            for batch in batches:
                columns = [
                    _tidy(batch.column(name), types.get(name, Type.NESTED)) for name in names
                ]
                yield pa.table(columns, names=names)

    def _malformed(self, cursor: Connection, selects: Selects, stop: int) -> Iterator[Part]:
        """The rows before `stop` that are no records; they are read again for it, whole."""
        names = [held.name for held in self.shape.held]
        number = "row"
        while number in map(str.lower, names):
            number += "_"
        before = self.before
        for rows in self._batches(names):
            numbers = pa.array(range(before, before + len(rows)), pa.int64())
            with _broken():
                cursor.register("part", rows.append_column(number, numbers).slice(0, stop - before))
                relation = self.shape.relation("part", number)
                for lines in faulty(cursor, selects, relation, number=number, source=self.name):
                    yield Part(self.index, malformed=lines)
                cursor.unregister("part")
            before += len(rows)


@contextmanager
def _broken() -> Iterator[None]:
    """Turn what DuckDB says of a file's rows into one line.

    Raises:
        ValueError: they are not what the file says.
    """
    try:
        yield
    except duckdb.Error as error:
        if not breaks(error):
            raise
        raise ValueError(f"broken Parquet: {first_line(error)}") from error


def _tidy(column: pa.Array, kind: Type) -> pa.Array:
    """A column as DuckDB takes it.

    Raises:
        ArrowInvalid: a text is no UTF-8.
    """
    if kind is Type.TEXT:
        column = column.cast(pa.string())
        column.validate(full=True)
    if kind is Type.MOMENT:
        column = column.cast(pa.timestamp("us", column.type.tz), safe=False)
    if pa.types.is_float16(column.type):
        column = column.cast(pa.float32())
    return column


def _narrowed(flows: pa.Table, wanted: Wanted) -> pa.Table:
    """The wanted columns of the records that pass the filter."""
    table = flows.select(wanted.columns).cast(arrow_schema(wanted.columns))
    return table if wanted.select is None else wanted.select(table)
