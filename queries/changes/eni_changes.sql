-- ENIs that are new or gone, or of which more or less was refused or accepted.
-- New and gone are by any record, NODATA among them. The others changed if one of the two numbers did, by
-- the rule for ports: at least so many records, and so many times as many or as few.
--
-- reads: enis_before, enis_after
-- param: limit bigint = 0 | rows | rows to give; 0 gives all
-- param: length_before bigint = 1 | | length of the side before, in any unit
-- param: length_after bigint = 1 | | length of the side after, in that unit
-- param: least bigint = 10 | records | a change is at least so many records
-- param: times bigint = 2 | | and at least so many times as many, or as few
-- param: accepts boolean = true | | what was accepted counts as well
-- column: change varchar | | new, gone or changed
-- column: interface_id varchar | | ENI
-- column: rejected_before bigint | records | refused before
-- column: rejected_after bigint | records | refused after
-- column: accepted_before bigint | records | accepted before
-- column: accepted_after bigint | records | accepted after
-- column: first_seen timestamptz | UTC | earliest start on either side
-- column: last_seen timestamptz | UTC | latest end on either side
with both_sides as (
    select
        interface_id,
        logged as logged_before,
        0 as logged_after,
        rejected as rejected_before,
        0 as rejected_after,
        accepted as accepted_before,
        0 as accepted_after,
        first_seen,
        last_seen
    from enis_before
    union all
    select
        interface_id,
        0 as logged_before,
        logged as logged_after,
        0 as rejected_before,
        rejected as rejected_after,
        0 as accepted_before,
        accepted as accepted_after,
        first_seen,
        last_seen
    from enis_after
),
sums as (
    select
        interface_id,
        max(logged_before) as logged_before,
        max(logged_after) as logged_after,
        max(rejected_before) as rejected_before,
        max(rejected_after) as rejected_after,
        max(accepted_before) as accepted_before,
        max(accepted_after) as accepted_after,
        min(first_seen) as first_seen,
        max(last_seen) as last_seen
    from both_sides
    where interface_id is not null
    group by interface_id
),
rates as (
    select
        interface_id,
        logged_before,
        logged_after,
        rejected_before,
        rejected_after,
        accepted_before,
        accepted_after,
        first_seen,
        last_seen,
        greatest(rejected_before * $length_after, rejected_after * $length_before)
            as more_rejected,
        least(rejected_before * $length_after, rejected_after * $length_before)
            as less_rejected,
        greatest(accepted_before * $length_after, accepted_after * $length_before)
            as more_accepted,
        least(accepted_before * $length_after, accepted_after * $length_before)
            as less_accepted,
        cast($least as bigint) * greatest($length_before, $length_after) as least_moved
    from sums
),
judged as (
    select
        case
            when logged_before = 0 then 'new'
            when logged_after = 0 then 'gone'
            when
                more_rejected - less_rejected >= least_moved
                and more_rejected >= $times * less_rejected
                then 'changed'
            when
                $accepts
                and more_accepted - less_accepted >= least_moved
                and more_accepted >= $times * less_accepted
                then 'changed'
        end as change,
        interface_id,
        rejected_before,
        rejected_after,
        accepted_before,
        accepted_after,
        first_seen,
        last_seen,
        greatest(
            more_rejected - less_rejected,
            case when $accepts then more_accepted - less_accepted else 0 end
        ) as moved
    from rates
)
select
    change,
    interface_id,
    rejected_before,
    rejected_after,
    accepted_before,
    accepted_after,
    first_seen,
    last_seen
from judged
where change is not null
order by change desc, moved desc, interface_id
limit $limit
