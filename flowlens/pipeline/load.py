"""What flows into `flows`: Parquet files by a view, and by one stream what must be read by us.

One account tells of all of them. The stream brings Parquet from elsewhere first, then text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa

from flowlens.core.counts import Account, MalformedLine, SourceAccount
from flowlens.inputs.find import Found
from flowlens.reading.fetch import threads
from flowlens.reading.parquet.columns import Shape
from flowlens.reading.parquet.rowgroups import Part, RowGroups
from flowlens.reading.parquet.sources import File, Lake
from flowlens.reading.parquet.tables import Counted, Tables
from flowlens.reading.reader import Progress, Reading
from flowlens.records.filter import Filter
from flowlens.records.layouts import Layout
from flowlens.records.parser import Wanted
from flowlens.records.table import arrow_schema
from flowlens.sql.engine import TABLE_MEMORY, Connection

ENVELOPE = "parquet"

_TIMES = ("start_time", "end_time")


@dataclass(frozen=True, slots=True)
class Listener:
    """Who is told while a read goes on, and who may end it: `stopped` is asked now and then.

    `on_end` is told when no more answers come, however that ended. Answers have `timeout` seconds.
    """

    on_malformed: Callable[[MalformedLine], None] | None = None
    on_progress: Callable[[Progress], None] | None = None
    stopped: Callable[[], bool] | None = None
    on_end: Callable[[], None] | None = None
    timeout: float | None = None


@dataclass(frozen=True, slots=True)
class Stretch:
    """Records in their order; `runs` are places among the sources, each with so many rows of it."""

    table: pa.Table
    runs: tuple[tuple[int, int], ...]


class Inflow:
    """One pass over the sources; the `kept` columns of the records that pass the filter flow in.

    Call `count` first. `account` is complete when `flows` has been read. `failure` is what stopped
    the stream; it has `begun`, and is `under_way`.
    """

    def __init__(
        self,
        connection: Connection,
        found: Found,
        lake: Lake,
        wanted: Wanted,
        kept: tuple[str, ...],
        chosen: Filter,
        *,
        layout: Layout | None = None,
        every_page: bool = False,
        listener: Listener = Listener(),
    ) -> None:
        self._connection = connection
        self._lake = lake
        self._wanted = wanted
        self._kept = kept
        self._filter = chosen
        self._listener = listener
        self._every_page = every_page
        self._tables = Tables(connection)
        self._counted: list[Counted] = []
        self._streamed = list(lake.streamed)
        self._before = Progress(0, sum(source.size or 0 for _, source in lake.streamed), 0)
        self.failure: BaseException | None = None
        self.begun = self.under_way = False
        self._reading = Reading(
            found,
            wanted,
            layout=layout,
            elsewhere=lake.indexes,
            on_malformed=listener.on_malformed,
            on_progress=self._progress,
            stopped=listener.stopped,
        )
        self._has_text = len(lake.indexes) < len(found.sources)

    @property
    def account(self) -> Account:
        """What was read."""
        return self._reading.account

    @property
    def streams(self) -> bool:
        """Whether there is anything that must be read by us."""
        return self._has_text or bool(self._streamed)

    def count(self) -> None:
        """Enter the Parquet files into the account.

        Raises:
            NoInputError: nothing can be read at all.
        """
        for refused in self._lake.refused:
            self.account.sources[refused.index].envelope = ENVELOPE
            self.account.sources[refused.index].unreadable = refused.why
            self.account.sources[refused.index].failed = refused.failed
        if self._lake.files:
            counted, broken = self._tables.count(self._lake.files)
            self._counted = counted
            if self._every_page:
                broken += self._tables.broken(counted, None)
            self._set_aside(broken)
            counted = self._counted
            for item in counted:
                self._recognise(item.file.index, item.file.shape, item.file.compression)
                self.account.columns.update(item.file.columns)
                self.account.sources[item.file.index].counts.add(item.counts)
            for index, line in self._tables.malformed(counted):
                self._put_aside(index, line)
            if not self._has_text or (
                not self._wanted.literals and {*_TIMES} <= {*self._wanted.columns}
            ):
                self.account.see(*self._tables.span(counted))
            records = sum(item.counts.records for item in counted)
            self._before = replace(self._before, records=records)
        if not self.streams:
            for _ in self._reading:
                pass

    def stretches(self) -> Iterator[Stretch]:
        """All records, past DuckDB, each stretch with the sources of its rows; no filter holds.

        For a lake whose files are all streamed.
        """
        for index, table in self._parts():
            yield Stretch(table, ((index, table.num_rows),))
        for parsed in self._reading.parsed():
            runs = ((tally.source, tally.counts.records) for tally in parsed.tallies)
            yield Stretch(parsed.table, tuple(runs))

    def lay(self) -> None:
        """Make `flows` a relation that can be read once."""
        files = self._files()
        if files and self._filter.active:
            (row,) = self._connection.execute(f"select count(*) from ({files})").fetchall()
            self.account.selected = int(row[0])
        if not files:
            self._connection.execute("drop view if exists flows")
            self._connection.register("flows", self._stream())
            return
        if self.streams:
            self._connection.register("stream", self._stream())
            files += "\nunion all\nselect * from stream"
        else:
            # DuckDB has the memory to itself, and groups faster the less it must spill.
            self._connection.execute(f"set memory_limit = '{TABLE_MEMORY}'")
        self._connection.execute(f"create or replace temp view flows as {files}")

    def load(self) -> None:
        """Make `flows` a table."""
        files = self._files()
        self._connection.execute(f"set memory_limit = '{TABLE_MEMORY}'")
        # The table has no order that a SELECT could rely on, and is loaded faster without.
        self._connection.execute("set preserve_insertion_order = false")
        if files:
            self._connection.execute(f"create table flows as {files}")
        if files and self._filter.active:
            (row,) = self._connection.execute("select count(*) from flows").fetchall()
            self.account.selected = int(row[0])
        if self.streams or not files:
            self._connection.register("stream", self._stream())
            into = "insert into flows" if files else "create table flows as"
            self._connection.execute(f"{into} from stream")
            self._connection.unregister("stream")
        self._connection.execute("reset preserve_insertion_order")

    def broken(self) -> list[str]:
        """Set aside the files that DuckDB can't read to their end; their names.

        They are streamed as far as they go, unless the stream has begun already.
        """
        found = self._tables.broken(self._counted, self._wanted.columns)
        self._set_aside(found)
        return [file.source.name for file in found]

    def _files(self) -> str | None:
        """The SELECT of the records in files that pass the filter; None without any."""
        window = self._filter.since, self._filter.until
        records = self._tables.select(self._counted, self._wanted.columns, window)
        if records is None or not self._filter.active:
            return records
        for name, value in self._filter.variables.items():
            self._connection.execute(f"set variable {name} = $value", {"value": value})
        return self._filter.stored(self._kept, records)

    def _stream(self) -> pa.RecordBatchReader:
        return pa.RecordBatchReader.from_batches(arrow_schema(self._kept), self._batches())

    def _batches(self) -> Iterator[pa.RecordBatch]:
        self.under_way = self.begun = True
        try:
            for _, table in self._parts():
                yield from table.to_batches()
            for table in self._reading:
                yield from table.to_batches()
            self.under_way = False
        except BaseException as error:
            self.failure = error
            raise

    def _parts(self) -> Iterator[tuple[int, pa.Table]]:
        """Parquet from elsewhere, with its place; what is learned goes into the account."""
        window = self._filter.since, self._filter.until
        groups = RowGroups(
            self._connection,
            self._streamed,
            replace(self._wanted, literals=()),
            window,
            threads=threads(),
            every_page=self._every_page,
            stopped=self._listener.stopped,
        )
        for part in groups:
            self._enter(part)
            if part.table is not None and part.table.num_rows:
                yield part.index, part.table

    def _enter(self, part: Part) -> None:
        account = self.account.sources[part.index]
        if part.shape is not None:
            self._recognise(part.index, part.shape, part.compression)
            self.account.columns.update(part.shape.layout.columns)
        account.counts.add(part.counts)
        for line in part.malformed:
            self._put_aside(part.index, line)
        account.failed = account.failed or part.failed
        account.lost += part.lost
        if part.broken and account.layout:
            account.truncated = part.broken
        elif part.broken:
            account.envelope, account.unreadable = ENVELOPE, part.broken
        self.account.see(*part.span)
        if self.account.selected is not None and part.table is not None:
            self.account.selected += part.table.num_rows
        self._before = Progress(
            self._before.done + part.done,
            self._before.total,
            self._before.records + part.counts.records,
        )
        if part.done:
            self._progress(Progress(0, self._reading.size, 0))

    def _recognise(self, index: int, shape: Shape, compression: str) -> None:
        account = self.account.sources[index]
        account.envelope, account.layout, account.compression = ENVELOPE, str(shape), compression
        account.lacking = shape.layout.lacking

    def _set_aside(self, broken: Sequence[File]) -> None:
        """Stream files that DuckDB can't read; nothing of them has been counted."""
        gone = {file.index for file in broken}
        self._counted = [item for item in self._counted if item.file.index not in gone]
        self._streamed = sorted(
            [*self._streamed, *((file.index, file.source) for file in broken)],
            key=lambda numbered: numbered[0],
        )
        for file in broken:
            self.account.sources[file.index] = SourceAccount(file.source.name)
        size = sum(source.size or 0 for _, source in self._streamed)
        self._before = replace(self._before, total=size)

    def _put_aside(self, index: int, line: MalformedLine) -> None:
        self.account.sources[index].keep(line)
        if self._listener.on_malformed:
            self._listener.on_malformed(line)

    def _progress(self, reading: Progress) -> None:
        if self._listener.on_progress:
            self._listener.on_progress(
                Progress(
                    reading.done + self._before.done,
                    reading.total + self._before.total,
                    reading.records + self._before.records,
                )
            )
