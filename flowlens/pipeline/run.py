"""The one module that knows the order: find, read, parse, filter, load, ask.

A single question that reads `flows` once is answered while they stream by. Several questions, or
one that reads them more than once, share one pass into a table that spills to disk when memory is
short.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import pyarrow as pa
import pyarrow.compute as pc

from flowlens.core.counts import Account, Overlap
from flowlens.core.errors import FlowlensError, NoInputError, UsageError
from flowlens.inputs.find import NO_INPUT, Found
from flowlens.pipeline.doubles import flow_logs, once, overlap
from flowlens.pipeline.load import Inflow
from flowlens.pipeline.load import Listener as Listener
from flowlens.pipeline.reference import SCHEMAS, Knowledge
from flowlens.reading import peek
from flowlens.reading.parquet.sources import Lake, lake
from flowlens.reading.parquet.tables import breaks
from flowlens.records.fields import fields
from flowlens.records.filter import Filter
from flowlens.records.layouts import Layout
from flowlens.records.parser import Wanted
from flowlens.records.table import arrow_schema, stored
from flowlens.sql import catalog
from flowlens.sql.conditions import require_condition
from flowlens.sql.engine import Connection, cursor, engine, lock, sql_errors
from flowlens.sql.plan import planning
from flowlens.sql.queryfile import Query

UNLIMITED = 2**63 - 1

BATCH = 131_072
"""Rows in a batch of an answer."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """What is read: the sources, the layout given for them, and the records that count.

    `knowledge` is what is known beside them; with earlier states there may be no sources. Parquet
    files that are `steady`, known to be whole and soon done with, are read anew for each relation:
    that takes less time than to load them, where there are few. With `dedupe` what several flow
    logs hold of an ENI counts once. With `every_page` Parquet is read whole, whatever is asked: so
    what is broken is found where no question needs it.
    """

    found: Found
    layout: Layout | None = None
    filter: Filter = field(default_factory=Filter)
    knowledge: Knowledge = field(default_factory=Knowledge)
    steady: bool = False
    dedupe: bool = False
    every_page: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """A SELECT with its parameters' values, and the relations beside `flows` that it reads.

    With `query` it is refused where no input has what that query needs. `name` is what errors call
    it by.
    """

    sql: str
    parameters: Mapping[str, object] = field(default_factory=dict)
    relations: tuple[Query, ...] = ()
    query: Query | None = None
    name: str = ""

    @classmethod
    def named(cls, query: Query, given: Mapping[str, str] | None = None) -> Question:
        """A named query as a question; `limit` 0 means no limit."""
        relations = tuple(catalog.order([query]))
        return cls(query.sql, bound(query, given or {}), relations, query, query.name)

    @classmethod
    def sql_text(cls, sql: str, parameters: Mapping[str, object]) -> Question:
        """A user's SQL; every relation there is can be read, so all of them are made ready."""
        shipped = catalog.shipped()
        words = set(re.findall(r"\w+", sql.lower()))
        reads = [shipped[name] for name in catalog.RELATIONS if name in words & set(shipped)]
        before = catalog.order(reads)
        return cls(sql, parameters, (*before, *(q for q in reads if q not in before)))


def bound(query: Query, given: Mapping[str, str]) -> dict[str, object]:
    """Values of a query's parameters as DuckDB takes them."""
    values = catalog.bind(query, given)
    if "limit" in values:
        values["limit"] = values["limit"] or UNLIMITED
    return values


@dataclass(frozen=True, slots=True)
class Top:
    """The first rows of an answer, how many rows it has, and the sum of their `records`."""

    head: pa.Table
    rows: int
    records: int


class Answers:
    """Answers to the questions that were announced; a question may be asked with other values.

    `account` is complete once the flows have been read. `connection` is for what stands on the
    relations, and makes more of them.
    """

    def __init__(
        self, connection: Connection, inflow: Inflow, knowledge: Knowledge, *, once: bool
    ) -> None:
        self.connection = connection
        self._inflow = inflow
        self._knowledge = knowledge
        self._once = once
        self.deduped: Account | None = None

    @property
    def account(self) -> Account:
        """What was read."""
        account = self._inflow.account
        return account if self.deduped is None else replace(self.deduped, selected=account.selected)

    def reader(self, question: Question) -> pa.RecordBatchReader:
        """The answer as a stream, valid until the next question is asked.

        Raises:
            UsageError: the SELECT fails on the data, or no input has a field that it needs.
            NoInputError: none of the sources could be read.
            FlowlensError: a sum is larger than a column holds.
        """
        with self._failures(question.name):
            try:
                reader = self._asked(question)
            except Exception as error:
                if not self._once or not self._is_mended(error):
                    raise
                self._inflow.lay()
                reader = self._asked(question)
        return pa.RecordBatchReader.from_batches(reader.schema, self._batches(reader, question))

    def table(self, question: Question) -> pa.Table:
        """The whole answer."""
        with self._failures():
            return self.reader(question).read_all()

    def top(self, question: Question, rows: int) -> Top:
        """The first `rows` of the answer (0: all), with what the rest adds up to."""
        reader = self.reader(question)
        head: list[pa.RecordBatch] = []
        count = records = 0
        with self._failures():
            for batch in reader:
                left = batch.num_rows if not rows else max(0, rows - count)
                head.append(batch.slice(0, left))
                count += batch.num_rows
                if "records" in batch.schema.names:
                    records += pc.sum(batch["records"]).as_py() or 0
        return Top(pa.Table.from_batches(head, reader.schema), count, records)

    def open(self) -> None:
        """Make `flows` ready: to be read once as they stream by, or any number of times.

        Raises:
            NoInputError: none of the sources could be read.
        """
        ready = self._inflow.lay if self._once else self._inflow.load
        with self._failures():
            self._inflow.count()
            try:
                ready()
            except Exception as error:
                if not self._is_mended(error):
                    raise
                ready()

    def relate(self, query: Query) -> None:
        """Make the relation of a named query, with what earlier states hold of it.

        It is temporary: not compressed, which costs more than it saves where a relation is read a
        few times.
        """
        values = {name: value for name, value in bound(query, {}).items() if name != "limit"}
        kind = "temp view" if query.view else "temp table"
        with self._failures(query.name):
            self.connection.execute(
                f'create {kind} "{query.name}" as {relation_sql(query)}', values
            )
        self._knowledge.remember(self.connection, query.name, _schema(query))

    def _is_mended(self, error: Exception) -> bool:
        """Whether files that break off are to blame, and have been set aside in time."""
        return breaks(error) and not self._inflow.begun and bool(self._inflow.broken())

    def _asked(self, question: Question) -> pa.RecordBatchReader:
        relation = self.connection.sql(question.sql, params=dict(question.parameters))
        return relation.to_arrow_reader(BATCH)

    def _batches(
        self, reader: pa.RecordBatchReader, question: Question
    ) -> Iterator[pa.RecordBatch]:
        with self._failures(question.name):
            for batch in reader:
                self._require(question)
                yield batch
            self._require(question)

    def _require(self, question: Question) -> None:
        """See that the inputs have what a named query needs, once all of their fields are known."""
        query, columns = question.query, self.account.columns
        if query is None or self._inflow.under_way or columns.issuperset(query.needs):
            return
        if self.account.total.records:  # else there is nothing that could have it
            catalog.require(query, columns)

    @contextmanager
    def _failures(self, name: str = "") -> Iterator[None]:
        """Raise what stopped the read, and not what DuckDB made of it."""
        try:
            with sql_errors(name):
                yield
        except Exception as error:
            if self._inflow.failure is not None:
                raise self._inflow.failure from None
            if breaks(error.__cause__) and (names := self._inflow.broken()):
                raise FlowlensError(f"{names[0]}: broken Parquet; leave it out") from error
            raise


@contextmanager
def answering(
    inputs: Inputs,
    questions: Sequence[Question],
    listener: Listener | None = None,
    *,
    memory: str | None = None,
) -> Iterator[Answers]:
    """Ask questions of the flows behind the inputs, in one pass over them.

    `memory` is what DuckDB may hold once they are read, such as `1GiB`; else what is usual.

    Raises:
        NoInputError: there are no sources, and no earlier states either.
        UsageError: a question is no single SELECT, or names what isn't there.
        LateError: it took longer than the listener's timeout.
        FlowlensError: the machine gave out.
    """
    if not inputs.found.sources and not inputs.knowledge.earlier:
        raise NoInputError(NO_INPUT)
    listener = listener or Listener()
    try:
        if inputs.dedupe and flow_logs(inputs.found):
            columns = stored(sorted({*fields(), *header_columns(inputs)}))
            with once(inputs.found, columns, inputs.layout, listener) as kept:
                found = replace(inputs.found, sources=(kept.source,), missing=())
                rest = replace(inputs, found=found, layout=None)
                listener = replace(listener, on_malformed=None)
                with _answering(rest, questions, listener, memory) as answers:
                    answers.deduped = kept.account
                    yield answers
            return
        with _answering(inputs, questions, listener, memory) as answers:
            yield answers
    finally:
        if listener.on_end is not None:
            listener.on_end()


def overlap_left(inputs: Inputs) -> Overlap | None:
    """What flow logs have in common that sums count again; with `dedupe`, what that can't tell."""
    common = overlap(inputs.found, inputs.layout)
    return None if common is None or (inputs.dedupe and common.same) else common


@contextmanager
def _answering(
    inputs: Inputs, questions: Sequence[Question], listener: Listener, memory: str | None
) -> Iterator[Answers]:
    relations = {query.name: query for question in questions for query in question.relations}
    pool = lake(inputs.found.sources)
    halted = threading.Event()
    with engine(paths=pool.paths, halted=halted, timeout=listener.timeout) as connection:
        plan = _planned(connection, inputs, pool, [*relations.values(), *questions])
        once = plan.scans == 1 and not relations
        literals = plan.literals if once and not inputs.filter.active else ()
        inflow = Inflow(
            connection,
            inputs.found,
            pool,
            Wanted(plan.parsed, (*literals, *inputs.filter.literals), plan.select(connection)),
            plan.kept,
            inputs.filter,
            layout=inputs.layout,
            every_page=inputs.every_page,
            listener=replace(listener, stopped=lambda: halted.is_set() or _stopped(listener)),
        )
        laid = once or (inputs.steady and not inflow.streams)
        answers = Answers(connection, inflow, inputs.knowledge, once=laid)
        inputs.knowledge.create(connection)
        if plan.scans and inputs.found.sources:
            answers.open()
        else:
            connection.register("flows", pa.Table.from_batches([], arrow_schema(plan.columns)))
        if inputs.knowledge.own and "own" in relations:
            inputs.knowledge.declare(connection)
        if memory is not None:
            connection.execute("set memory_limit = $memory", {"memory": memory})
        # Relations have no order that a SELECT could rely on, and are made faster without.
        connection.execute("set preserve_insertion_order = false")
        # A checkpoint would compress them, in the midst of some later statement.
        connection.execute("set checkpoint_threshold = '1TB'")
        for query in relations.values():
            answers.relate(query)
        connection.execute("reset preserve_insertion_order")
        lock(connection)
        yield answers


def _stopped(listener: Listener) -> bool:
    return listener.stopped is not None and listener.stopped()


@dataclass(frozen=True, slots=True)
class _Plan:
    """One pass over the flows: all their `columns`, those `parsed`, and those `kept` of them."""

    columns: tuple[str, ...]
    parsed: tuple[str, ...]
    kept: tuple[str, ...]
    scans: int
    literals: tuple[str, ...]
    filter: Filter

    def select(self, connection: Connection) -> Callable[[pa.Table], pa.Table] | None:
        """The function that narrows a table to the filter; every thread has its own cursor."""
        if not self.filter.active:
            return None
        sql, parameters = self.filter.select(self.kept), self.filter.parameters
        schema = arrow_schema(self.kept)
        local = threading.local()

        def select(table: pa.Table) -> pa.Table:
            if not hasattr(local, "cursor"):
                local.cursor = cursor(connection)
            local.cursor.register("flows", table)
            with sql_errors():
                rows: pa.Table = local.cursor.sql(sql, params=parameters).to_arrow_table()
            local.cursor.unregister("flows")
            return rows.cast(schema) if self.kept else rows

        return select


def header_columns(inputs: Inputs, pool: Lake | None = None) -> tuple[str, ...]:
    """Columns that the inputs have, as far as their headers and schemas tell; sorted."""
    pool = pool or lake(inputs.found.sources)
    text = [s for index, s in enumerate(inputs.found.sources) if index not in pool.indexes]
    return tuple(sorted({*peek.header_columns(text, inputs.layout), *pool.columns()}))


def _planned(
    connection: Connection, inputs: Inputs, pool: Lake, asked: Sequence[Query | Question]
) -> _Plan:
    """What the SELECTs need together; fields that flowlens doesn't know are looked up on demand."""
    known = tuple(fields())
    if inputs.filter.where:
        require_condition(connection, inputs.filter.where)

    def unknown() -> list[str]:
        return [name for name in header_columns(inputs, pool) if name not in fields()]

    try:
        plan = _plan(connection, inputs.filter, asked, known)
        if len(plan.kept) < len(known):
            return plan
    except UsageError:
        more = unknown()
        if not more:
            raise
    else:
        more = unknown()
    return _plan(connection, inputs.filter, asked, (*known, *more)) if more else plan


def _plan(
    connection: Connection,
    chosen: Filter,
    asked: Sequence[Query | Question],
    columns: tuple[str, ...],
) -> _Plan:
    schemas = {item.name: _schema(item) for item in asked if isinstance(item, Query)}
    relations = {**schemas, **SCHEMAS}
    with planning(connection, columns=columns, relations=relations) as planner:
        needs = [
            planner.needs(item.sql, bound(item, {}) if isinstance(item, Query) else item.parameters)
            for item in asked
        ]
        kept = tuple(name for name in columns if any(name in need.columns for need in needs))
        parsed = kept
        if chosen.active:
            held = planner.needs(chosen.select(kept), chosen.parameters).columns
            times = ("start_time", "end_time")
            parsed = tuple(name for name in columns if name in (*held, *times))
        scans = sum(need.scans for need in needs)
        literals = needs[0].literals if scans == 1 else ()
        return _Plan(columns, parsed, kept, scans, literals, chosen)


def relation_sql(query: Query) -> str:
    """A named query's statement as a table wants it: without header, order and limit."""
    lines = [line for line in query.sql.splitlines() if not line.startswith("--")]
    order = max(number for number, line in enumerate(lines) if line.startswith("order by"))
    return "\n".join(lines[:order])


def _schema(query: Query) -> pa.Schema:
    types = {
        "bigint": pa.int64(),
        "integer": pa.int32(),
        "double": pa.float64(),
        "varchar": pa.string(),
        "boolean": pa.bool_(),
        "timestamptz": pa.timestamp("us", "UTC"),
    }
    return pa.schema([(column.name, types[column.type]) for column in query.columns])
