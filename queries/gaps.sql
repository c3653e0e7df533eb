-- Silences of an ENI that are longer than two of its aggregation intervals.
-- A live, logged ENI writes NODATA when it is quiet, so silence between its own first and last
-- record is a gap in the log. Outliers among the starts (see periods) neither end a silence nor begin
-- one, and a record that lasts more than a day covers its start alone.
--
-- reads: flows, periods, enis
-- needs: interface_id
-- param: limit bigint = 0 | rows | rows to give; 0 gives all
-- column: interface_id varchar | | ENI
-- column: gap_start timestamptz | UTC | latest end before the silence
-- column: gap_end timestamptz | UTC | earliest start after it
-- column: minutes bigint | minutes | length of the silence, whole minutes
-- column: aggregation_seconds bigint | seconds | the ENI's aggregation interval
with seconds as (
    select
        interface_id,
        cast(epoch(start_time) as bigint) as first_second,
        cast(epoch(end_time) as bigint) as last_second
    from flows
    where interface_id is not null
),
minutes as (
    select
        interface_id,
        min(first_second) as first_second,
        max(
            case
                when last_second - first_second <= 86400 then last_second
                else first_second
            end
        ) as last_second
    from seconds
    group by interface_id, first_second - first_second % 60
),
outliers as (
    select
        cast(epoch(first_start) as bigint) as first_start,
        cast(epoch(last_start) as bigint) as last_start
    from periods
    where outlier
),
likely as (
    select minutes.interface_id, minutes.first_second, minutes.last_second
    from minutes
    left join outliers
        on minutes.first_second between outliers.first_start and outliers.last_start
    where outliers.first_start is null
),
chains as (
    select
        interface_id,
        first_second,
        max(last_second) over (
            partition by interface_id
            order by first_second
            rows between unbounded preceding and 1 preceding
        ) as silent_from
    from likely
),
intervals as (
    select
        interface_id,
        max(aggregation_seconds) as aggregation_seconds
    from enis
    group by interface_id
)
select
    chains.interface_id,
    to_timestamp(chains.silent_from) as gap_start,
    to_timestamp(chains.first_second) as gap_end,
    cast(floor((chains.first_second - chains.silent_from) / 60) as bigint) as minutes,
    intervals.aggregation_seconds
from chains
join intervals
    on intervals.interface_id = chains.interface_id
where chains.first_second - chains.silent_from > 2 * intervals.aggregation_seconds
order by chains.interface_id, gap_start
limit $limit
