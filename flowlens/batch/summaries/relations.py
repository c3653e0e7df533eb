"""The summaries as relations that can be asked: what alerts look at, and what is published of them.

They hold the intervals up to and with the one that is published, as far back as the job says.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache
from importlib import resources

import pyarrow as pa

from flowlens.batch.job import DAY, Alert, Job
from flowlens.batch.notify.alerts import check
from flowlens.batch.store.place import Store
from flowlens.batch.summaries import rollups
from flowlens.batch.summaries.judging import PORTS, VERDICTS, Judged
from flowlens.batch.summaries.sketches import estimate
from flowlens.core.times import Interval
from flowlens.sql.engine import Connection, engine, lock, require_select, sql_errors

MEMORY = "512MiB"
"""What DuckDB may hold before it spills."""

_TIME = pa.timestamp("us", "UTC")
_TOLD = pa.schema(
    [
        ("start_time", _TIME),
        ("end_time", _TIME),
        ("sources", pa.int64()),
        ("malformed", pa.int64()),
        ("new_scanners", pa.int64()),
    ]
)

_CURRENT = pa.schema([("start_time", _TIME), ("end_time", _TIME)])


@dataclass(frozen=True, slots=True)
class Summaries:
    """The relations, as of the end of an interval; `sketches` gives those of a kind of group."""

    connection: Connection
    sketches: Callable[[str], pa.Table] = field(
        default=lambda grouped: rollups.SOURCES.empty_table()
    )

    def ask(self, sql: str) -> list[dict[str, object]]:
        """The rows of one SELECT.

        Raises:
            UsageError: it is no single SELECT, or fails.
        """
        require_select(self.connection, sql)
        rows: list[dict[str, object]] = self.table(sql).to_pylist()
        return rows

    def columns(self, sql: str) -> list[str]:
        """The columns of one SELECT.

        Raises:
            UsageError: it is no single SELECT, or is wrong.
        """
        require_select(self.connection, sql)
        with sql_errors():
            return list(self.connection.sql(sql).columns)

    def table(self, sql: str) -> pa.Table:
        """The same as a table."""
        with sql_errors():
            return self.connection.sql(sql).to_arrow_table()


@contextmanager
def summaries(store: Store, job: Job, interval: Interval, judged: Judged) -> Iterator[Summaries]:
    """The summaries as of the end of an interval, whose verdicts are given.

    Relations: intervals, ports, enis, scanners, scanner_ports, current; and beneath them `records`,
    `sizes` and `sources`, as the store has them.
    """
    since = Interval(interval.end - timedelta(days=job.summary_days), interval.end)
    rows = store.ledger.rows(
        "select intervals.start, new_scanners, sum(malformed) from intervals"
        " join touches on touches.start = intervals.start"
        " join objects on objects.id = touches.object"
        " where intervals.start >= ? and intervals.start <= ? group by intervals.start",
        since.seconds,
        interval.seconds,
    )
    level = "days" if job.interval == DAY else "hours"
    span = since.start, interval.end
    # Sketches are large, and no SELECT can make anything of them.
    columns = {name: [c for c in s.names if c != "sketch"] for name, s in rollups.SCHEMAS.items()}
    rolled = {
        name: rollups.read(store.directory, level, name, *span, columns=columns[name])
        for name in rollups.SCHEMAS
    }
    every = ["start_time", "sketch"]
    sources = _sources(
        rollups.read(store.directory, level, "sources", *span, columns=every, grouped="all")
    )
    told = [
        {
            "start_time": each.start,
            "end_time": each.end,
            "sources": sources.get(each.start, 0),
            "malformed": malformed,
            "new_scanners": judged.new if each == interval else new,
        }
        for start, new, malformed in rows
        for each in [Interval.at(int(start), job.interval)]
    ]
    current = {"start_time": [interval.start], "end_time": [interval.end]}
    tables = {
        **rolled,
        "told": pa.Table.from_pylist(told, _TOLD),
        "scanners": judged.table,
        "scanner_ports": judged.ports,
        "current": pa.table(current, _CURRENT),
    }
    with _connected(tables) as found:
        yield replace(
            found, sketches=lambda grouped: rollups.sketches(store.directory, grouped, *span)
        )


def days_not_summed(store: Store, job: Job, interval: Interval) -> list[str]:
    """The days that an interval's summaries look back on and whose own aren't made.

    They couldn't be: something was wrong, or records of them are lost.
    """
    since = interval.end - timedelta(days=job.summary_days)
    rows = store.ledger.rows(
        "select day from days where changed = 1 and day >= ? and day <= ? order by day",
        f"{since:%Y-%m-%d}",
        interval.day,
    )
    return [str(day) for (day,) in rows]


def require_askable(alerts: Sequence[Alert]) -> None:
    """See that alerts can be asked, before anything else is done: of summaries without any rows.

    Raises:
        UsageError: a SELECT is wrong, or lacks what is compared or told.
    """
    if not alerts:
        return
    tables = {
        **{
            name: schema.empty_table().drop_columns(["sketch"] if "sketch" in schema.names else [])
            for name, schema in rollups.SCHEMAS.items()
        },
        "told": _TOLD.empty_table(),
        "scanners": VERDICTS.empty_table(),
        "scanner_ports": PORTS.empty_table(),
        "current": _CURRENT.empty_table(),
    }
    with _connected(tables) as found:
        for alert in alerts:
            check(alert, found.columns)


@cache
def _relations() -> str:
    return resources.files("flowlens").joinpath("data/summaries.sql").read_text(encoding="utf-8")


@contextmanager
def _connected(tables: Mapping[str, pa.Table]) -> Iterator[Summaries]:
    with engine() as connection:
        connection.execute(f"set memory_limit = '{MEMORY}'")
        for name, table in tables.items():
            connection.register(name, table)
        connection.execute(_relations())
        lock(connection)
        yield Summaries(connection)


def _sources(sketches: pa.Table) -> Mapping[datetime, int]:
    """How many sources each interval has in all, whatever became of their traffic."""
    together: defaultdict[datetime, list[bytes]] = defaultdict(list)
    for row in sketches.to_pylist():
        together[row["start_time"]].append(row["sketch"])
    return {start: estimate(several) for start, several in together.items()}
