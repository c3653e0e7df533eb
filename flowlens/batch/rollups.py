"""Rollups: what is made of a day's records, by hour and by day, anew whenever they change.

    rollups/hours/day=2026-11-23/records.parquet    sums by ENI, action, protocol and port
    rollups/hours/day=2026-11-23/sizes.parquet      bytes of a record, in buckets
    rollups/hours/day=2026-11-23/sources.parquet    sketches of the sources: all, by ENI, by port

and the same below `days/`. Nothing is ever added to one: a day is made whole, and swapped in.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from flowlens import named
from flowlens.batch import files
from flowlens.batch.sketches import estimate, sketch, union
from flowlens.fields import quoted
from flowlens.pipeline import Answers, Question

ROLLUPS = "rollups"

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
    return [Question(f"select * from {quoted(name)}", {}, (named.find(name),)) for name in QUERIES]


def write(answers: Answers, directory: Path, day: str) -> None:
    """Make the rollups of a day, whose records are those of the answers, below a store.

    Raises:
        OSError: a file can't be written.
    """
    hourly = pa.Table.from_batches(_sketches(answers), SOURCES)
    for level, hours in LEVELS.items():
        place = directory / ROLLUPS / level / f"day={day}"
        part = files.beside(place)
        part.mkdir()
        try:
            for name, sql in (("records", _RECORDS), ("sizes", _SIZES)):
                table = answers.table(Question(sql, {"hours": hours})).cast(SCHEMAS[name])
                _put(table, part / f"{name}.parquet")
            _put(hourly if hours == 1 else _daily(hourly), part / "sources.parquet")
            files.swap(part, place)
        finally:
            files.discard(part)


def _sketches(answers: Answers) -> Iterator[pa.RecordBatch]:
    for batch in answers.reader(Question(_SOURCES)):
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


def _put(table: pa.Table, place: Path) -> None:
    pq.write_table(table, place, compression="zstd")
