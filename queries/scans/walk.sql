-- The walk of each source over its first touches: evidence rises and falls with each, fades with
-- time, and never falls below nothing.
-- evidence = high − min(0, least of all sums so far, before and after each touch): the sum held at zero
-- or above, without a loop (Jung, Paxson, Berger, Balakrishnan 2004, for the test).
--
-- reads: trials, evidence
-- param: limit bigint = 0 | rows | rows to give; 0 gives all
-- column: srcaddr varchar | | the source
-- column: inside boolean | | the source is one of our own addresses
-- column: step bigint | | number of the touch, from 1
-- column: first_seen timestamptz | UTC | time of the touch
-- column: interface_id varchar | | ENI of the target
-- column: dstaddr varchar | | address of the target
-- column: family bigint | | services that one client tries together: 65536 · protocol + port
-- column: service bigint | | the lowest of its services that was touched: 65536 · protocol + port
-- column: outcome bigint | | what became of it, the best that was reached
-- column: rejects_only boolean | | the ENI's log holds rejects alone
-- column: sweep bigint | | ours: 1 swept, 2 lone, 3 insisted, 4 retried, 5 a session, 6 no matter; else 0
-- column: weight bigint | micro-nats | evidence of this touch
-- column: faded bigint | micro-nats | all fading so far, counted on below nothing
-- column: high bigint | micro-nats | sum of the weights so far, less all fading
-- column: evidence bigint | micro-nats | evidence after this touch
with ordered as (
    select
        srcaddr,
        inside,
        first_seen,
        interface_id,
        dstaddr,
        family,
        service,
        outcome,
        rejects_only,
        sweep,
        weight,
        row_number() over (
            partition by srcaddr order by first_seen, interface_id, dstaddr, family
        ) as step,
        sum(weight) over (
            partition by srcaddr order by first_seen, interface_id, dstaddr, family
            rows between unbounded preceding and current row
        ) as total,
        min(cast(epoch(first_seen) as bigint)) over (
            partition by srcaddr order by first_seen, interface_id, dstaddr, family
            rows between unbounded preceding and current row
        ) as origin
    from trials
),
faded as (
    select
        ordered.srcaddr,
        ordered.inside,
        ordered.step,
        ordered.first_seen,
        ordered.interface_id,
        ordered.dstaddr,
        ordered.family,
        ordered.service,
        ordered.outcome,
        ordered.rejects_only,
        ordered.sweep,
        ordered.weight,
        cast(ordered.total as bigint) as total,
        cast(
            floor(
                evidence.fading * (cast(epoch(ordered.first_seen) as bigint) - ordered.origin)
                / 86400
            ) as bigint
        ) as faded
    from ordered
    cross join evidence
)
select
    srcaddr,
    inside,
    step,
    first_seen,
    interface_id,
    dstaddr,
    family,
    service,
    outcome,
    rejects_only,
    sweep,
    weight,
    faded,
    total - faded as high,
    total - faded - least(
        0,
        min(total - faded - greatest(0, weight)) over (
            partition by srcaddr order by step
            rows between unbounded preceding and current row
        )
    ) as evidence
from faded
order by srcaddr, step
limit $limit
