-- Records by ENI and hour, and the minutes that no record covers.
-- A record counts in the hour of its start. Hours without a record are there too, from the ENI's
-- first record to its last. A live, logged ENI writes NODATA when it is quiet, so a missing minute
-- is a gap, not peace; SKIPDATA makes every total of that ENI and hour a lower bound.
--
-- reads: flows
-- param: limit bigint = 0 | rows | rows to give; 0 gives all
-- column: interface_id varchar | | ENI
-- column: hour timestamptz | UTC | start of the hour
-- column: records bigint | records | flow-log records with traffic
-- column: nodata bigint | records | records that say there was no traffic
-- column: skipdata bigint | records | records that say records were lost
-- column: missing_minutes bigint | minutes | minutes no record touches, inside its own span
with seconds as (
    select
        interface_id,
        log_status,
        cast(epoch(start_time) as bigint) as first_second,
        cast(epoch(end_time) as bigint) as last_second
    from flows
    where interface_id is not null
),
intervals as (
    select
        interface_id,
        first_second - first_second % 60 as start_minute,
        last_second - last_second % 60 as end_minute,
        count(*) filter (where log_status = 'OK') as records,
        count(*) filter (where log_status = 'NODATA') as nodata,
        count(*) filter (where log_status = 'SKIPDATA') as skipdata
    from seconds
    group by
        interface_id,
        first_second - first_second % 60,
        last_second - last_second % 60
),
minutes as (
    select
        interface_id,
        start_minute,
        max(end_minute) as end_minute,
        sum(records) as records,
        sum(nodata) as nodata,
        sum(skipdata) as skipdata
    from intervals
    group by interface_id, start_minute
),
chains as (
    select
        interface_id,
        start_minute,
        max(end_minute) over (
            partition by interface_id
            order by start_minute
            rows between unbounded preceding and 1 preceding
        ) + 60 as silent_from
    from minutes
),
silences as (
    select
        interface_id,
        silent_from - silent_from % 3600 as hour,
        sum(least(start_minute, silent_from - silent_from % 3600 + 3600) - silent_from) as seconds,
        max(start_minute) as silent_until
    from chains
    where start_minute > silent_from
    group by interface_id, silent_from - silent_from % 3600
),
hours as (
    select
        interface_id,
        start_minute - start_minute % 3600 as hour,
        sum(records) as records,
        sum(nodata) as nodata,
        sum(skipdata) as skipdata
    from minutes
    group by interface_id, start_minute - start_minute % 3600
),
spans as (
    select
        interface_id,
        min(hour) as first_hour,
        max(hour) as last_hour
    from hours
    group by interface_id
),
digits as (
    select digit
    from (values (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)) as digits (digit)
),
steps as (
    select
        (
            ones.digit
            + 10 * tens.digit
            + 100 * hundreds.digit
            + 1000 * thousands.digit
            + 10000 * myriads.digit
        ) * 3600 as seconds
    from digits as ones
    cross join digits as tens
    cross join digits as hundreds
    cross join digits as thousands
    cross join digits as myriads
    where myriads.digit < 5
),
spine as (
    select
        spans.interface_id,
        spans.first_hour + steps.seconds as hour
    from spans
    join steps
        on steps.seconds <= spans.last_hour - spans.first_hour
),
counts as (
    select
        spine.interface_id,
        spine.hour,
        coalesce(hours.records, 0) as records,
        coalesce(hours.nodata, 0) as nodata,
        coalesce(hours.skipdata, 0) as skipdata,
        coalesce(silences.seconds, 0) as seconds_from_here,
        max(silences.silent_until) over (
            partition by spine.interface_id
            order by spine.hour
            rows between unbounded preceding and 1 preceding
        ) as silent_until
    from spine
    left join hours
        on hours.interface_id = spine.interface_id
        and hours.hour = spine.hour
    left join silences
        on silences.interface_id = spine.interface_id
        and silences.hour = spine.hour
),
missing as (
    select
        interface_id,
        hour,
        records,
        nodata,
        skipdata,
        seconds_from_here
            + greatest(least(coalesce(silent_until, 0), hour + 3600) - hour, 0) as seconds
    from counts
)
select
    interface_id,
    to_timestamp(hour) as hour,
    cast(records as bigint) as records,
    cast(nodata as bigint) as nodata,
    cast(skipdata as bigint) as skipdata,
    cast(floor(seconds / 60) as bigint) as missing_minutes
from missing
order by interface_id, missing.hour
limit $limit
