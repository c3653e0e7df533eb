"""Summaries as tables to be published: what a job's `summaries` name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import pyarrow as pa

from flowlens.batch.summaries.relations import Summaries
from flowlens.batch.summaries.sketches import estimate
from flowlens.sql.queryfile import Column

_TOTALS = """
with shares as (
    select
        start_time,
        bucket,
        sum(records) over (partition by start_time order by bucket nulls first) as upto,
        sum(records) over (partition by start_time) as total
    from (
        select start_time, bucket, sum(records) as records
        from sizes
        group by start_time, bucket
    )
),
quantiles as (
    select
        start_time,
        min(coalesce(bucket, -1)) filter (where 2 * upto >= total) as half,
        min(coalesce(bucket, -1)) filter (where 20 * upto >= 19 * total) as most
    from shares
    group by start_time
)
select
    intervals.*,
    cast(case when half < 0 then 0 else floor(pow(1.02, half)) end as bigint) as bytes_p50,
    cast(case when most < 0 then 0 else floor(pow(1.02, most)) end as bigint) as bytes_p95
from intervals
left join quantiles
    on quantiles.start_time = intervals.start_time
order by intervals.start_time
"""

_PORTS = """
select
    action,
    protocol,
    port,
    cast(sum(records) as bigint) as records,
    cast(sum(packets) as bigint) as packets,
    cast(sum(bytes) as bigint) as bytes,
    count(distinct start_time) as intervals,
    min(first_seen) as first_seen,
    max(last_seen) as last_seen
from records
where records > 0
group by action, protocol, port
order by records desc, action, protocol, port
"""

_ENIS = """
select
    account_id,
    interface_id,
    action,
    cast(sum(records) as bigint) as records,
    cast(sum(packets) as bigint) as packets,
    cast(sum(bytes) as bigint) as bytes,
    cast(sum(nodata) as bigint) as nodata,
    cast(sum(skipdata) as bigint) as skipdata,
    count(distinct start_time) as intervals,
    min(first_seen) as first_seen,
    max(last_seen) as last_seen
from records
group by account_id, interface_id, action
order by records desc, account_id, interface_id, action
"""

_SUMS = (
    Column("records", "bigint", "records", "records with traffic"),
    Column("packets", "bigint", "packets", "packets of these"),
    Column("bytes", "bigint", "bytes", "bytes of these"),
)
_ENDS = (
    Column("first_seen", "timestamptz", "UTC", "earliest start"),
    Column("last_seen", "timestamptz", "UTC", "latest end"),
)
_COUNT = Column("intervals", "bigint", "", "intervals that have some")
_SOURCES = Column("sources", "bigint", "addresses", "distinct sources, off by 1.6 % above 200")
_ACTION = Column("action", "varchar", "", "ACCEPT or REJECT; null without traffic")

COLUMNS: Mapping[str, tuple[Column, ...]] = {
    "totals": (
        Column("start_time", "timestamptz", "UTC", "start of the interval"),
        Column("end_time", "timestamptz", "UTC", "its end, which isn't in it"),
        Column("records", "bigint", "records", "records with traffic"),
        Column("accepted", "bigint", "records", "of these, accepted"),
        Column("rejected", "bigint", "records", "of these, rejected"),
        Column("packets", "bigint", "packets", "packets"),
        Column("bytes", "bigint", "bytes", "bytes"),
        Column("rejected_bytes", "bigint", "bytes", "bytes of rejected records"),
        _SOURCES,
        Column("enis", "bigint", "ENIs", "distinct ENIs"),
        Column("nodata", "bigint", "records", "NODATA records"),
        Column("skipdata", "bigint", "records", "SKIPDATA records"),
        Column(
            "malformed", "bigint", "lines", "malformed lines of objects with some of its records"
        ),
        Column("new_scanners", "bigint", "", "scanners that weren't ones before"),
        Column("bytes_p50", "bigint", "bytes", "half of the records have so many, within 2 %"),
        Column("bytes_p95", "bigint", "bytes", "19 of 20 records have so many, within 2 %"),
    ),
    "ports": (
        _ACTION,
        Column("protocol", "integer", "", "IANA protocol number"),
        Column("port", "integer", "", "destination port below 32768; null: all others together"),
        *_SUMS,
        _SOURCES,
        _COUNT,
        *_ENDS,
    ),
    "enis": (
        Column("account_id", "varchar", "", "AWS account"),
        Column("interface_id", "varchar", "", "ENI"),
        _ACTION,
        *_SUMS,
        _SOURCES,
        Column("nodata", "bigint", "records", "NODATA records"),
        Column("skipdata", "bigint", "records", "SKIPDATA records"),
        _COUNT,
        *_ENDS,
    ),
}
"""What each summary has; `totals` a row for each interval, the others one for all of them."""


def table(name: str, summaries: Summaries) -> pa.Table:
    """A summary by its name, over all intervals that the job looks back on."""
    if name == "totals":
        return summaries.table(_TOTALS).select([column.name for column in COLUMNS[name]])
    grouped, keys, sql = _GROUPED[name]
    found = summaries.table(sql)
    sources = _distinct(summaries, grouped, keys)
    groups = zip(*(found[key].to_pylist() for key in keys), strict=True)
    column = pa.array([sources.get(group, 0) for group in groups], pa.int64())
    return found.append_column("sources", column).select([c.name for c in COLUMNS[name]])


_GROUPED: Mapping[str, tuple[str, tuple[str, ...], str]] = {
    "ports": ("port", ("action", "protocol", "port"), _PORTS),
    "enis": ("eni", ("account_id", "interface_id", "action"), _ENIS),
}


def _distinct(
    summaries: Summaries, grouped: str, keys: tuple[str, ...]
) -> Mapping[tuple[object, ...], int]:
    """How many distinct sources each group has over all intervals."""
    rows = summaries.sketches(grouped)
    together: defaultdict[tuple[object, ...], list[bytes]] = defaultdict(list)
    for *key, sketch in zip(*(rows[name].to_pylist() for name in (*keys, "sketch")), strict=True):
        together[tuple(key)].append(sketch)
    return {key: estimate(several) for key, several in together.items()}
