-- When the records are from: periods of days with records, split where more than 366 days lie between
-- two of them. One of several periods is an outlier if it holds at most a thousandth of all records, or
-- at most ten of them and a quarter of all. Of a record that lasts more than a day, which is more than
-- any aggregation interval, the start alone is taken for true.
--
-- reads: flows
-- param: limit bigint = 0 | rows | rows to give; 0 gives all
-- column: first_start timestamptz | UTC | earliest start
-- column: last_start timestamptz | UTC | latest start
-- column: last_end timestamptz | UTC | latest end, NODATA and SKIPDATA included
-- column: records bigint | records | records that start in it, NODATA and SKIPDATA included
-- column: overlong bigint | records | of these, those that last more than a day
-- column: enis bigint | ENIs | ENIs that logged them
-- column: interface_id varchar | | first of these ENIs, by id
-- column: outlier boolean | | whether so few records start so far from all others
with seconds as (
    select
        interface_id,
        cast(epoch(start_time) as bigint) as first_second,
        cast(epoch(end_time) as bigint) as last_second
    from flows
    where start_time is not null
),
days as (
    select
        interface_id,
        first_second - first_second % 86400 as day,
        count(*) as records,
        count(*) filter (where last_second - first_second > 86400) as overlong,
        min(first_second) as first_start,
        max(first_second) as last_start,
        max(
            case
                when last_second - first_second <= 86400 then last_second
                else first_second
            end
        ) as last_end
    from seconds
    group by interface_id, first_second - first_second % 86400
),
edges as (
    select
        day,
        case
            when day - max(day) over (
                order by day
                rows between unbounded preceding and 1 preceding
            ) > 31622400 then 1
            else 0
        end as edge
    from days
    group by day
),
places as (
    select
        day,
        sum(edge) over (order by day rows between unbounded preceding and current row) as place
    from edges
),
periods as (
    select
        places.place,
        min(days.first_start) as first_start,
        max(days.last_start) as last_start,
        max(days.last_end) as last_end,
        sum(days.records) as records,
        sum(days.overlong) as overlong,
        count(distinct days.interface_id) as enis,
        min(days.interface_id) as interface_id
    from days
    join places
        on places.day = days.day
    group by places.place
),
totals as (
    select sum(records) as records
    from periods
)
select
    to_timestamp(periods.first_start) as first_start,
    to_timestamp(periods.last_start) as last_start,
    to_timestamp(periods.last_end) as last_end,
    cast(periods.records as bigint) as records,
    cast(periods.overlong as bigint) as overlong,
    periods.enis,
    periods.interface_id,
    periods.records * 1000 <= totals.records
        or (periods.records <= 10 and periods.records * 4 <= totals.records) as outlier
from periods
cross join totals
order by first_start
limit $limit
