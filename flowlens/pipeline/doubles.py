"""Two flow logs over the same ENIs: both hold each record, and every sum would count it twice.

Which flow log an object is of stands in its name (`…_fl-0a1b_20261123T0205Z_….log.gz`); what comes
without one, as from CloudWatch and Firehose, can't be told apart. Records are the same where all of
`SAME` is, within an ENI and an hour: those of other aggregation intervals are none. A record that
stands in one flow log twice stays twice.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import accumulate
from os.path import basename

import pyarrow as pa
import pyarrow.parquet as pq

from flowlens.core.counts import Account, Overlap
from flowlens.core.errors import NoInputError
from flowlens.core.scratch import scratch
from flowlens.inputs.find import Found, Source
from flowlens.pipeline.load import Listener
from flowlens.pipeline.stream import storable, streaming
from flowlens.reading.parquet.footers import MARK
from flowlens.records.fields import quoted
from flowlens.records.layouts import Layout
from flowlens.sql.engine import Connection, engine, sql_errors

SAME = (
    "interface_id", "srcaddr", "dstaddr", "srcport", "dstport", "protocol", "packets", "bytes",
    "start_time", "end_time", "action", "log_status",
)  # fmt: skip
"""What makes a record; an ENI's id stands for its account."""

COMPARED, BYTES = 200, 64 << 20
"""Sources that are compared at most to see whether flow logs overlap, and about what they hold."""

HOURS = 2
"""Of a flow log that has more sources: those of so many hours in which another one has some too."""

NAMED = 3

BATCH = 131_072

_ID = re.compile(r"(?<![0-9A-Za-z])(fl-[0-9a-f]{4,32})(?![0-9A-Za-z])")
_HOUR = re.compile(r"_(\d{8}T\d{2})\d{2}Z_")

_SOURCE, _ROW = "flowlens_source", "flowlens_row"

_SHARED = f"""
create temp table ranked as
with hourly as (
    select
        log, interface_id, epoch(start_time)::bigint // 3600 as hour,
        max(version) as version, count(*) as records
    from records join logs using ({_SOURCE})
    where interface_id is not null
    group by all
)
select
    *,
    row_number() over (
        partition by interface_id, hour
        order by version desc nulls last, records desc, log
    ) as place
from hourly
qualify count(*) over (partition by interface_id, hour) > 1
"""
"""The ENI-hours that several flow logs hold; the first place has the fullest."""

_REPEATS = f"""
create temp table repeats as
with numbered as (
    select
        {", ".join(SAME)}, {_ROW}, {_SOURCE}, place,
        row_number() over (partition by {", ".join(SAME)}, log order by {_ROW}) as nth
    from records join logs using ({_SOURCE}) join ranked using (log, interface_id)
    where hour = epoch(start_time)::bigint // 3600
)
select {_ROW}, {_SOURCE}, log_status
from numbered
qualify row_number() over (partition by {", ".join(SAME)}, nth order by place) > 1
"""
"""The records that a flow log with a better place in the ENI-hour holds as well, as often."""


_APART = f"""
with actions as (
    select action, count(distinct log) as logs
    from records join logs using ({_SOURCE})
    where action is not null and interface_id in (select interface_id from ranked)
    group by action
)
select bool_and(logs = 1) from actions
"""
"""Whether no action stands in two flow logs."""


def flow_logs(found: Found) -> dict[str, list[int]]:
    """The places of the sources of each flow log, by its id; none where there is no second one.

    A pipe, which can be read once, is of none.
    """
    logs: defaultdict[str, list[int]] = defaultdict(list)
    for place, source in enumerate(found.sources):
        named = _ID.search(basename(source.name))
        if named and source.size is not None:
            logs[named[1]].append(place)
    return dict(logs) if len(logs) > 1 else {}


def overlap(found: Found, layout: Layout | None) -> Overlap | None:
    """What some sources of each flow log have in common; None if nothing, or nothing that counts.

    Flow logs of other actions, such as all ACCEPT and all REJECT, add up.
    """
    logs = _compared(found, flow_logs(found))
    if not logs:
        return None
    places = [place for several in logs.values() for place in several]
    part = replace(found, sources=tuple(found.sources[place] for place in places), missing=())
    with suppress(NoInputError), engine() as connection:
        _load(connection, part, ("version", *SAME), layout, Listener())
        _find(connection, flow_logs(part))
        return _told(connection)
    return None


@dataclass(frozen=True, slots=True)
class Once:
    """All records, those that flow logs share once, in a file; `account` is of all sources."""

    source: Source
    account: Account


@contextmanager
def once(
    found: Found, columns: Sequence[str], layout: Layout | None, listener: Listener
) -> Iterator[Once]:
    """Read all sources, and keep what isn't a repeat, in TMPDIR; memory stays flat.

    Raises:
        NoInputError: none of the sources could be read.
    """
    with scratch() as place, engine() as connection:
        account = _load(connection, found, columns, layout, listener)
        _find(connection, flow_logs(found))
        with sql_errors():
            for source, status, many in connection.execute(
                f"select {_SOURCE}, lower(log_status), count(*) from repeats group by all"
            ).fetchall():
                counts = account.sources[source].counts
                setattr(counts, status, getattr(counts, status) - many)
                counts.repeats += many
            listed = ", ".join(map(quoted, columns))
            rows = connection.sql(
                f"select {listed} from records anti join repeats using ({_ROW}) order by {_ROW}"
            ).to_arrow_reader(BATCH)
            schema = storable(tuple(columns))
            path = place / "once.parquet"
            with pq.ParquetWriter(path, schema, compression="zstd") as writer:
                writer.add_key_value_metadata({MARK: "records"})
                for batch in rows:
                    writer.write_batch(batch.cast(schema))
        yield Once(Source(str(path), path.stat().st_size), account)


def _compared(found: Found, logs: Mapping[str, list[int]]) -> dict[str, list[int]]:
    """The sources to compare: all, or of many some of the hours that several flow logs have."""
    sizes = [source.size or 0 for source in found.sources]
    every = [place for places in logs.values() for place in places]
    if len(every) <= COMPARED and sum(sizes[place] for place in every) <= BYTES:
        return dict(logs)
    hours: defaultdict[str, defaultdict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for log, places in logs.items():
        for place in places:
            named = _HOUR.search(basename(found.sources[place].name))
            hours[named[1] if named else ""][log].append(place)
    chosen: defaultdict[str, list[int]] = defaultdict(list)
    taken: defaultdict[str, int] = defaultdict(int)
    each = max(1, COMPARED // (HOURS * len(logs)))
    for _, shared in sorted(hours.items()):
        if len(shared) > 1:
            for log, places in shared.items():
                if taken[log] < HOURS:
                    taken[log] += 1
                    held = accumulate(sizes[place] for place in places[:each])
                    room = BYTES // len(logs)
                    within = sum(size <= room for size in held)
                    chosen[log] += places[: max(1, within)]
    return dict(chosen)


def _load(
    connection: Connection,
    found: Found,
    columns: Sequence[str],
    layout: Layout | None,
    listener: Listener,
) -> Account:
    """All records into the table `records`, each with its source and its row."""
    with streaming(found, tuple(columns), layout=layout, listener=listener) as stream:
        names = [*stream.schema.names, _SOURCE]
        empty = pa.schema([*stream.schema, pa.field(_SOURCE, pa.int32())]).empty_table()
        connection.register("part", empty)
        connection.execute(f"create table records as select *, 0::bigint as {_ROW} from part")
        row = 0
        for table in stream:
            numbers = pa.array(range(row, row + table.num_rows), pa.int64())
            row += table.num_rows
            connection.register("part", table.rename_columns(names).append_column(_ROW, numbers))
            with sql_errors():
                connection.execute("insert into records from part")
        connection.unregister("part")
        return stream.account


def _find(connection: Connection, logs: Mapping[str, list[int]]) -> None:
    """Make the tables `ranked` and `repeats`."""
    with sql_errors():
        pairs = [(place, log) for log, places in logs.items() for place in places]
        columns = {_SOURCE: [place for place, _ in pairs], "log": [log for _, log in pairs]}
        connection.register("named", pa.table(columns))
        connection.execute("create temp table logs as from named")
        connection.unregister("named")
        connection.execute(_SHARED)
        connection.execute(_REPEATS)


def _told(connection: Connection) -> Overlap | None:
    """The overlap that the tables show."""
    with sql_errors():
        logs = [str(log) for (log,) in connection.execute(
            "select distinct log from ranked order by log").fetchall()]  # fmt: skip
        enis = [str(eni) for (eni,) in connection.execute(
            "select distinct interface_id from ranked order by all").fetchall()]  # fmt: skip
        ((records, same),) = connection.execute(
            "select (select sum(records)::bigint from ranked), (select count(*) from repeats)"
        ).fetchall()
        ((apart,),) = connection.execute(_APART).fetchall()
    if not logs or (not same and apart):
        return None
    return Overlap(tuple(logs), tuple(enis[:NAMED]), len(enis), records, same)
