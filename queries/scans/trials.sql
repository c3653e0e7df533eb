-- The first touch of each source at each target's family of services, with its weight as evidence.
-- Where an interface's log holds rejects alone, every refusal has the one weight for such logs: it
-- does if nothing was accepted in a day or in many records, or nowhere in the whole log in half a day.
-- A host of ours is a client of many, so that what was neither served nor answered weighs by what else
-- it does: fully in a sweep, that is a port tried at several hosts or a host tried at several ports,
-- few of which answer; less at a commonly probed port elsewhere, and where it insists, as clients do;
-- else nothing. Nor do sessions weigh outside a sweep, so that a client that scans is found.
-- Who calls hosts at ever other ports, some of which answer, shares files with them: of these some have
-- the same port by chance, and only a commonly probed one is swept.
--
-- reads: targets, contacts, services, evidence
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
-- column: sweep bigint | | ours: 1 swept, 2 lone, 3 insisted, 4 retried, 5 a session, 6 no matter; else 0
-- column: weight bigint | micro-nats | evidence for a scanner
with logs as (
    select
        interface_id,
        sum(records - refused + sent) as accepted,
        sum(refused) as refused,
        min(cast(epoch(first_seen) as bigint)) as first_seen,
        max(cast(epoch(last_seen) as bigint)) as last_seen
    from contacts
    where called is null
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
        cast(sum(packets) as bigint) as packets,
        min(first_seen) as first_seen
    from targets
    group by srcaddr, inside, interface_id, dstaddr, family
),
ours as (
    select
        touched.srcaddr,
        touched.interface_id,
        touched.dstaddr,
        touched.family,
        touched.service,
        touched.outcome,
        touched.packets,
        case when touched.outcome in (3, 5, 6) then 1 else 0 end as answered
    from touched
    where
        touched.inside
        and (
            touched.family between 6 * 65536 and 7 * 65536 - 1
            or touched.family between 17 * 65536 and 18 * 65536 - 1
        )
),
by_port as (
    select srcaddr, service, count(*) as touches, sum(answered) as answered
    from ours
    group by srcaddr, service
),
by_host as (
    select srcaddr, interface_id, dstaddr, count(*) as touches, sum(answered) as answered
    from ours
    group by srcaddr, interface_id, dstaddr
),
sharing as (
    select by_port.srcaddr
    from by_port
    cross join evidence
    where by_port.touches < evidence.own_sweep
    group by by_port.srcaddr
    having
        count(*) >= max(evidence.own_peer_ports)
        and sum(by_port.answered) >= max(evidence.own_answered) * sum(by_port.touches)
),
weighed as (
    select
        ours.srcaddr,
        ours.interface_id,
        ours.dstaddr,
        ours.family,
        ours.outcome,
        ours.answered,
        ours.packets >= evidence.own_insists as insisted,
        ours.packets >= evidence.own_retries
        and ours.family in (
            6 * 65536 + 80, 6 * 65536 + 25, 6 * 65536 + 53, 17 * 65536 + 123
        ) as retried,
        (
            by_port.touches >= evidence.own_sweep
            and (sharing.srcaddr is null or coalesce(services.probed, false))
            and by_port.answered < evidence.own_answered * by_port.touches
        )
        or (
            by_host.touches >= evidence.own_sweep
            and by_host.answered < evidence.own_answered * by_host.touches
        ) as swept,
        coalesce(services.probed, false)
        and by_port.answered < evidence.own_answered * by_port.touches as lone
    from ours
    cross join evidence
    join by_port
        on by_port.srcaddr = ours.srcaddr
        and by_port.service = ours.service
    join by_host
        on by_host.srcaddr = ours.srcaddr
        and by_host.interface_id is not distinct from ours.interface_id
        and by_host.dstaddr = ours.dstaddr
    left join sharing
        on sharing.srcaddr = ours.srcaddr
    left join services
        on cast(services.protocol as bigint) * 65536 + services.port = ours.service
),
sweeps as (
    select
        weighed.srcaddr,
        weighed.interface_id,
        weighed.dstaddr,
        weighed.family,
        case
            when not weighed.swept and (weighed.answered > 0 or not weighed.lone) then 6
            when weighed.answered > 0 then case when weighed.outcome = 6 then 5 else 6 end
            when weighed.retried then 4
            when weighed.insisted then 3
            when not weighed.swept then 2
            when weighed.outcome < 2 and rejecting.found is not null then 0
            else 1
        end as sweep
    from weighed
    left join rejecting
        on rejecting.interface_id is not distinct from weighed.interface_id
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
    cast(coalesce(sweeps.sweep, 0) as bigint) as sweep,
    case
        when sweeps.sweep = 1 then evidence.own_swept
        when sweeps.sweep = 2 then evidence.own_lone
        when sweeps.sweep = 3 then evidence.own_insisted
        when sweeps.sweep = 4 then evidence.own_retried
        when sweeps.sweep = 5 then evidence.own_session
        when sweeps.sweep = 6 then 0
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
left join sweeps
    on touched.inside
    and sweeps.srcaddr = touched.srcaddr
    and sweeps.interface_id is not distinct from touched.interface_id
    and sweeps.dstaddr = touched.dstaddr
    and sweeps.family = touched.family
order by srcaddr, first_seen, interface_id, dstaddr, family
limit $limit
