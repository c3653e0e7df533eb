-- Records by ENI and hour, and the minutes that no record covers.
-- A record counts in the hour of its start. Hours without a record are there too, from the ENI's
-- first record to its last. A live, logged ENI writes NODATA when it is quiet, so a missing minute
-- is a gap, not peace; SKIPDATA makes every total of that ENI and hour a lower bound. Nothing is
-- missing between outliers among the starts (see periods) and the other records, and a record that
-- lasts more than a day covers its start alone. An ENI's hours end after 1,000,000 of them (114 years).
--
-- reads: flows, periods
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
        case
            when last_second - first_second <= 86400 then last_second - last_second % 60
            else first_second - first_second % 60
        end as end_minute,
        count(*) filter (where log_status = 'OK') as records,
        count(*) filter (where log_status = 'NODATA') as nodata,
        count(*) filter (where log_status = 'SKIPDATA') as skipdata
    from seconds
    group by
        interface_id,
        first_second - first_second % 60,
        case
            when last_second - first_second <= 86400 then last_second - last_second % 60
            else first_second - first_second % 60
        end
),
outliers as (
    select
        cast(epoch(first_start) as bigint) as first_start,
        cast(epoch(last_start) as bigint) as last_start
    from periods
    where outlier
),
minutes as (
    select
        intervals.interface_id,
        coalesce(outliers.first_start, -1) as period,
        intervals.start_minute,
        max(intervals.end_minute) as end_minute,
        sum(intervals.records) as records,
        sum(intervals.nodata) as nodata,
        sum(intervals.skipdata) as skipdata
    from intervals
    left join outliers
        on intervals.start_minute + 59 >= outliers.first_start
        and intervals.start_minute <= outliers.last_start
    group by intervals.interface_id, coalesce(outliers.first_start, -1), intervals.start_minute
),
chains as (
    select
        interface_id,
        period,
        start_minute,
        max(end_minute) over (
            partition by interface_id, period
            order by start_minute
            rows between unbounded preceding and 1 preceding
        ) + 60 as silent_from
    from minutes
),
silences as (
    select
        interface_id,
        period,
        silent_from - silent_from % 3600 as hour,
        sum(least(start_minute, silent_from - silent_from % 3600 + 3600) - silent_from) as seconds,
        max(start_minute) as silent_until
    from chains
    where start_minute > silent_from
    group by interface_id, period, silent_from - silent_from % 3600
),
hours as (
    select
        interface_id,
        period,
        start_minute - start_minute % 3600 as hour,
        sum(records) as records,
        sum(nodata) as nodata,
        sum(skipdata) as skipdata
    from minutes
    group by interface_id, period, start_minute - start_minute % 3600
),
spans as (
    select
        interface_id,
        period,
        min(hour) as first_hour,
        max(hour) as last_hour
    from hours
    group by interface_id, period
),
digits as (
    select digit
    from (values (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)) as digits (digit)
),
thousand as (
    select cast(ones.digit + 10 * tens.digit + 100 * hundreds.digit as bigint) as number
    from digits as ones
    cross join digits as tens
    cross join digits as hundreds
),
blocks as (
    select
        spans.interface_id,
        spans.period,
        spans.first_hour + 3600000 * thousand.number as first_hour,
        spans.last_hour
    from spans
    join thousand
        on 3600000 * thousand.number <= spans.last_hour - spans.first_hour
),
spine as (
    select
        blocks.interface_id,
        blocks.period,
        blocks.first_hour + 3600 * thousand.number as hour
    from blocks
    join thousand
        on 3600 * thousand.number <= blocks.last_hour - blocks.first_hour
),
counts as (
    select
        spine.interface_id,
        spine.period,
        spine.hour,
        coalesce(hours.records, 0) as records,
        coalesce(hours.nodata, 0) as nodata,
        coalesce(hours.skipdata, 0) as skipdata,
        coalesce(silences.seconds, 0) as seconds_from_here,
        max(silences.silent_until) over (
            partition by spine.interface_id, spine.period
            order by spine.hour
            rows between unbounded preceding and 1 preceding
        ) as silent_until
    from spine
    left join hours
        on hours.interface_id = spine.interface_id
        and hours.period = spine.period
        and hours.hour = spine.hour
    left join silences
        on silences.interface_id = spine.interface_id
        and silences.period = spine.period
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
