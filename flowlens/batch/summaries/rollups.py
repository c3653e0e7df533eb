"""Rollups: what is made of a day's records, by hour and by day, anew whenever they change.

    rollups/hours/records/day=2026-11-23/    sums by ENI, action, protocol and port
    rollups/hours/sizes/day=2026-11-23/      bytes of a record, in buckets
    rollups/hours/sources/day=2026-11-23/    sketches of the sources: all, by ENI, by port

and the same below `days/`, each a table that whoever reads Parquet with hive partitions can read.
Nothing is ever added to one: a day is made whole, and put in the place of what was there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from flowlens.batch.store.errors import SummaryError
from flowlens.batch.summaries.sketches import estimate, sketch, union
from flowlens.core import atomic
from flowlens.pipeline.run import Answers, Question
from flowlens.records.fields import quoted
from flowlens.sql import catalog

ROLLUPS = "rollups"

_FILE = "rollup.parquet"

LEVELS = {"hours": 1, "days": 24}
"""The directories by their hours."""

QUERIES = ("hourly_records", "hourly_sizes", "hourly_sources")

_GROUP = ("grouped", "account_id", "interface_id", "action", "protocol", "port")

_RECORDS = """
select
    to_timestamp((hour - hour % $hours) * 3600) as start_time,
    account_id,
    interface_id,
    action,
    protocol,
    port,
    cast(sum(records) as bigint) as records,
    cast(sum(packets) as bigint) as packets,
    cast(sum(bytes) as bigint) as bytes,
    cast(sum(nodata) as bigint) as nodata,
    cast(sum(skipdata) as bigint) as skipdata,
    min(first_seen) as first_seen,
    max(last_seen) as last_seen
from hourly_records
group by hour - hour % $hours, account_id, interface_id, action, protocol, port
order by start_time, account_id, interface_id, action, protocol, port
"""

_SIZES = """
select
    to_timestamp((hour - hour % $hours) * 3600) as start_time,
    action,
    bucket,
    cast(sum(records) as bigint) as records
from hourly_sizes
group by hour - hour % $hours, action, bucket
order by start_time, action, bucket
"""

_SOURCES = f"""
select to_timestamp(hour * 3600) as start_time, {", ".join(_GROUP)}, list(srcaddr) as srcaddrs
from hourly_sources
where hour = $hour and grouped = $grouped
group by hour, {", ".join(_GROUP)}
order by start_time, {", ".join(_GROUP)}
"""

_TIME = pa.timestamp("us", "UTC")

RECORDS = pa.schema(
    [
        ("start_time", _TIME),
        *((name, pa.string()) for name in ("account_id", "interface_id", "action")),
        *((name, pa.int32()) for name in ("protocol", "port")),
        *((name, pa.int64()) for name in ("records", "packets", "bytes", "nodata", "skipdata")),
        ("first_seen", _TIME),
        ("last_seen", _TIME),
    ]
)
SIZES = pa.schema(
    [
        ("start_time", _TIME),
        ("action", pa.string()),
        ("bucket", pa.int32()),
        ("records", pa.int64()),
    ]
)
SOURCES = pa.schema(
    [
        ("start_time", _TIME),
        *((name, pa.string()) for name in _GROUP[:4]),
        *((name, pa.int32()) for name in _GROUP[4:]),
        ("sources", pa.int64()),
        ("sketch", pa.binary()),
    ]
)
"""`sources` is what the sketch of the row estimates."""

SCHEMAS = {"records": RECORDS, "sizes": SIZES, "sources": SOURCES}
"""What a rollup's files hold."""


def questions() -> list[Question]:
    """What has to be announced for `write`."""
    return [
        Question(f"select * from {quoted(name)}", {}, (catalog.find(name),)) for name in QUERIES
    ]


def write(answers: Answers, directory: Path, day: str) -> None:
    """Make the rollups of a day, whose records are those of the answers, below a store.

    Raises:
        OSError: a file can't be written.
    """
    hourly = pa.Table.from_batches(_sketches(answers), SOURCES)
    for level, hours in LEVELS.items():
        tables = {"sources": hourly if hours == 1 else _daily(hourly)}
        for name, sql in (("records", _RECORDS), ("sizes", _SIZES)):
            tables[name] = answers.table(Question(sql, {"hours": hours})).cast(SCHEMAS[name])
        for name, table in tables.items():
            with atomic.replacing(place(directory, level, name, day) / _FILE) as part:
                pq.write_table(table, part, compression="zstd", write_page_checksum=True)


def place(directory: Path, level: str, name: str, day: str) -> Path:
    """Where a rollup of a day is, below a store."""
    return directory / ROLLUPS / level / name / f"day={day}"


def places(directory: Path, day: str = "*") -> list[Path]:
    """Where the rollups of a day are, or of all days there are."""
    every = [place(directory, level, name, day) for level in LEVELS for name in SCHEMAS]
    return [there for each in every for there in sorted(each.parent.glob(each.name))]


def are_there(directory: Path, day: str) -> bool:
    """Whether all rollups of a day are there."""
    found = [each for each in places(directory, day) if (each / _FILE).is_file()]
    return len(found) == len(LEVELS) * len(SCHEMAS)


def read(
    directory: Path,
    level: str,
    name: str,
    since: datetime,
    until: datetime,
    *,
    columns: Sequence[str] | None = None,
    grouped: str = "",
) -> pa.Table:
    """The rows of a rollup that start in a span of time; of sources those `grouped` so.

    Raises:
        SummaryError: a file isn't as it was written.
    """
    days = (f"day={since:%Y-%m-%d}", f"day={until - timedelta(microseconds=1):%Y-%m-%d}")
    found = sorted(place(directory, level, name, "").parent.glob(f"day=*/{_FILE}"))
    # The statistics of row groups leave out most of the hours that aren't wanted.
    wanted: list[tuple[str, str, object]] = [("start_time", ">=", since)]
    wanted.append(("start_time", "<", until))
    if grouped:
        wanted.append(("grouped", "=", grouped))
    empty = SCHEMAS[name].empty_table()
    tables = [
        _read(path, columns, wanted) for path in found if days[0] <= path.parent.name <= days[1]
    ]
    return pa.concat_tables([empty.select(columns) if columns else empty, *tables])


def _read(
    path: Path, columns: Sequence[str] | None, wanted: list[tuple[str, str, object]]
) -> pa.Table:
    try:
        return pq.read_table(
            path,
            columns=columns,
            filters=wanted,
            partitioning=None,
            page_checksum_verification=True,
        )
    except (OSError, pa.ArrowException) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        day = path.parent.name.removeprefix("day=")
        raise SummaryError(f"{path}: the summary is damaged", day) from error


def sketches(directory: Path, grouped: str, since: datetime, until: datetime) -> pa.Table:
    """The sketches of all groups of a kind that a span of time has, by start.

    Whole days have theirs; only what is left at both ends is put together by the hour.
    """
    first = _midnight(since + timedelta(days=1, microseconds=-1))
    last = _midnight(until)
    spans = [("days", first, last), ("hours", since, first), ("hours", last, until)]
    if first >= last:
        spans = [("hours", since, until)]
    names = [name for name in SOURCES.names if name != "sources"]
    tables = [
        read(directory, level, "sources", begin, end, columns=names, grouped=grouped)
        for level, begin, end in spans
        if begin < end
    ]
    return pa.concat_tables(tables)


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def _sketches(answers: Answers) -> Iterator[pa.RecordBatch]:
    """The sketches of all groups, for one kind and hour after the other: they are many sources."""
    kinds = "select distinct hour, grouped from hourly_sources order by hour, grouped"
    for kind in answers.table(Question(kinds)).to_pylist():
        for batch in answers.reader(Question(_SOURCES, kind)):
            made = [sketch(values) for values in batch["srcaddrs"].to_pylist()]
            columns = [batch[name] for name in SOURCES.names[:-2]]
            columns += [pa.array([estimate([data]) for data in made], pa.int64()), pa.array(made)]
            yield pa.RecordBatch.from_arrays(columns, schema=SOURCES)


def _daily(hourly: pa.Table) -> pa.Table:
    """The sketches of a day's groups, from those of its hours."""
    together: dict[tuple[object, ...], list[bytes]] = {}
    for row in hourly.to_pylist():
        together.setdefault(tuple(row[name] for name in _GROUP), []).append(row["sketch"])
    start = hourly["start_time"][0].as_py().replace(hour=0) if hourly.num_rows else None
    rows = []
    for group in sorted(together, key=_order):
        data = union(together[group])
        named_group = dict(zip(_GROUP, group, strict=True))
        rows.append(
            {"start_time": start, **named_group, "sources": estimate([data]), "sketch": data}
        )
    return pa.Table.from_pylist(rows, SOURCES)


def _order(group: tuple[object, ...]) -> list[tuple[bool, int, str]]:
    """Nulls last, as DuckDB has it."""
    return [(v is None, v if isinstance(v, int) else 0, str(v)) for v in group]
