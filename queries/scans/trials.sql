-- The first touch of each source at each target's family of services, with its weight as evidence.
-- Where an interface's log holds rejects alone, every refusal has the one weight for such logs.
--
-- reads: targets, contacts, opened, evidence
-- param: limit bigint = 0 | rows | rows to give; 0 gives all
-- column: srcaddr varchar | | the source
-- column: inside boolean | | the source is one of our own addresses
-- column: first_seen timestamptz | UTC | time of the first touch
-- column: interface_id varchar | | ENI of the target
-- column: dstaddr varchar | | address of the target
-- column: family bigint | | services that one client tries together: 65536 · protocol + port
-- column: outcome bigint | | what became of it, the best that was reached
-- column: rejects_only boolean | | the ENI's log holds rejects alone
-- column: weight bigint | micro-nats | evidence for a scanner
with interfaces as (
    select
        interface_id,
        sum(records - refused) as accepted,
        sum(refused) as refused,
        min(first_seen) as first_seen,
        max(last_seen) as last_seen
    from contacts
    where interface_id is not null
    group by interface_id
),
calling as (
    select distinct interface_id
    from opened
),
rejecting as (
    select interfaces.interface_id
    from interfaces
    cross join evidence
    left join calling
        on calling.interface_id = interfaces.interface_id
    where
        interfaces.accepted = 0
        and calling.interface_id is null
        and (
            interfaces.refused >= evidence.rejects_records
            or cast(epoch(interfaces.last_seen) as bigint)
                - cast(epoch(interfaces.first_seen) as bigint) >= evidence.rejects_seconds
        )
),
touched as (
    select
        srcaddr,
        inside,
        interface_id,
        dstaddr,
        family,
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
    touched.outcome,
    rejecting.interface_id is not null as rejects_only,
    case
        when touched.outcome < 2 and touched.family < 2 * 65536 then evidence.refused_icmp
        when touched.outcome < 2 and touched.family between 58 * 65536 and 59 * 65536 - 1
            then evidence.refused_icmp
        when touched.outcome < 2 and rejecting.interface_id is not null
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
    on rejecting.interface_id = touched.interface_id
order by srcaddr, first_seen, interface_id, dstaddr, family
limit $limit
