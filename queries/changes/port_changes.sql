-- Ports whose refusals rose, and ports whose refusals fell.
-- A change counts if it is at least so many records, and the larger number at least so many times the
-- smaller. Where the sides are of different length, the numbers per time are compared, and the records
-- are those of the shorter one.
--
-- reads: ports_before, ports_after
-- param: limit bigint = 0 | rows | rows to give; 0 gives all
-- param: length_before bigint = 1 | | length of the side before, in any unit
-- param: length_after bigint = 1 | | length of the side after, in that unit
-- param: least bigint = 10 | records | a change is at least so many records
-- param: times bigint = 2 | | and at least so many times as many, or as few
-- column: change varchar | | rose or fell
-- column: protocol integer | | IANA protocol number
-- column: dstport integer | | destination port; 0 for ICMP, which has none
-- column: records_before bigint | records | refused before
-- column: records_after bigint | records | refused after
-- column: sources_before bigint | addresses | distinct source addresses before
-- column: sources_after bigint | addresses | distinct source addresses after
with both_sides as (
    select
        protocol,
        dstport,
        records as records_before,
        0 as records_after,
        sources as sources_before,
        0 as sources_after
    from ports_before
    union all
    select
        protocol,
        dstport,
        0 as records_before,
        records as records_after,
        0 as sources_before,
        sources as sources_after
    from ports_after
),
sums as (
    select
        protocol,
        dstport,
        max(records_before) as records_before,
        max(records_after) as records_after,
        max(sources_before) as sources_before,
        max(sources_after) as sources_after
    from both_sides
    group by protocol, dstport
),
rates as (
    select
        protocol,
        dstport,
        records_before,
        records_after,
        sources_before,
        sources_after,
        records_before * $length_after as rate_before,
        records_after * $length_before as rate_after,
        cast($least as bigint) * greatest($length_before, $length_after) as least_moved
    from sums
),
judged as (
    select
        case
            when rate_after - rate_before >= least_moved and rate_after >= $times * rate_before
                then 'rose'
            when rate_before - rate_after >= least_moved and rate_before >= $times * rate_after
                then 'fell'
        end as change,
        protocol,
        dstport,
        records_before,
        records_after,
        sources_before,
        sources_after,
        greatest(rate_after - rate_before, rate_before - rate_after) as moved
    from rates
)
select
    change,
    protocol,
    dstport,
    records_before,
    records_after,
    sources_before,
    sources_after
from judged
where change is not null
order by change desc, moved desc, protocol, dstport
limit $limit
