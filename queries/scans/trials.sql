-- The first touch of each source at each target's family of services, with its weight as evidence.
-- Where an interface's log holds rejects alone, every refusal has the one weight for such logs: it
-- does if nothing was accepted in a day or in many records, or nowhere in the whole log in half a day.
--
-- reads: targets, contacts, evidence
-- param: limit bigint = 0 | rows | rows to give; 0 gives all
-- column: srcaddr varchar | | the source
-- column: inside boolean | | the source is one of our own addresses
-- column: first_seen timestamptz | UTC | time of the first touch
-- column: interface_id varchar | | ENI of the target
-- column: dstaddr varchar | | address of the target
-- column: family bigint | | services that one client tries together: 65536 · protocol + port
-- column: service bigint | | the lowest of its services that was touched: 65536 · protocol + port
-- column: outcome bigint | | what became of it, the best that was reached
-- column: rejects_only boolean | | the ENI's log holds rejects alone
-- column: weight bigint | micro-nats | evidence for a scanner
with logs as (
    select
        interface_id,
        sum(records - refused + sent) as accepted,
        sum(refused) as refused,
        min(cast(epoch(first_seen) as bigint)) as first_seen,
        max(cast(epoch(last_seen) as bigint)) as last_seen
    from contacts
    group by interface_id
),
whole as (
    select
        sum(accepted) as accepted,
        sum(refused) as refused,
        max(last_seen) - min(first_seen) as seconds
    from logs
),
rejecting as (
    select logs.interface_id, 1 as found
    from logs
    cross join whole
    cross join evidence
    where
        logs.accepted = 0
        and (
            logs.refused >= evidence.rejects_records
            or logs.last_seen - logs.first_seen >= evidence.rejects_seconds
            or (
                whole.accepted = 0
                and (
                    whole.refused >= evidence.rejects_records
                    or whole.seconds >= evidence.rejects_log_seconds
                )
            )
        )
),
touched as (
    select
        srcaddr,
        inside,
        interface_id,
        dstaddr,
        family,
        min(cast(protocol as bigint) * 65536 + dstport) as service,
        max(outcome) as outcome,
        min(first_seen) as first_seen
    from targets
    group by srcaddr, inside, interface_id, dstaddr, family
)
select
    touched.srcaddr,
    touched.inside,
    touched.first_seen,
    touched.interface_id,
    touched.dstaddr,
    touched.family,
    touched.service,
    touched.outcome,
    rejecting.found is not null as rejects_only,
    case
        when touched.outcome < 2 and touched.family < 2 * 65536 then evidence.refused_icmp
        when touched.outcome < 2 and touched.family between 58 * 65536 and 59 * 65536 - 1
            then evidence.refused_icmp
        when touched.outcome < 2 and rejecting.found is not null
            then evidence.refused_rejects_only
        when touched.outcome = 0 then evidence.refused
        when touched.outcome = 1 then evidence.refused_served
        when touched.outcome = 2 then evidence.allowed
        when touched.outcome = 3 then evidence.answered
        when touched.outcome = 4 then evidence.half_open
        when touched.outcome = 5 then evidence.connectionless
        else evidence.session
    end as weight
from touched
cross join evidence
left join rejecting
    on rejecting.interface_id is not distinct from touched.interface_id
order by srcaddr, first_seen, interface_id, dstaddr, family
limit $limit
