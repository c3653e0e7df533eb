-- Hosts of our own that scan, and what they tried that neither served nor answered them: refused, also
-- by our own side, without an answer, or left half-open. The most evidence first.
--
-- reads: judged, trials, targets
-- param: limit bigint = 0 | rows | rows to give; 0 gives all
-- column: srcaddr varchar | | the scanner
-- column: evidence bigint | micro-nats | evidence for a scanner
-- column: internal_hosts bigint | | addresses of ours tried in vain
-- column: outbound_hosts bigint | | addresses outside tried in vain
-- column: ports bigint | | ports tried in vain: protocol and port
-- column: protocol integer | | IANA protocol number of the port tried at most hosts
-- column: dstport integer | | port tried at most hosts
-- column: records bigint | records | records of what was tried in vain
-- column: refused bigint | records | of these, refused
-- column: first_seen timestamptz | UTC | earliest start of these
-- column: last_seen timestamptz | UTC | latest end of these
with vain as (
    select
        targets.srcaddr,
        targets.dstaddr,
        coalesce(targets.called, 'internal') as called,
        targets.protocol,
        targets.dstport,
        targets.refused + targets.accepted as records,
        targets.refused,
        targets.first_seen,
        targets.last_seen
    from targets
    join judged
        on judged.srcaddr = targets.srcaddr
    join trials
        on trials.srcaddr = targets.srcaddr
        and trials.interface_id is not distinct from targets.interface_id
        and trials.dstaddr = targets.dstaddr
        and trials.family = targets.family
    where
        judged.inside
        and judged.tier = 'scanner'
        and targets.outcome in (0, 1, 2, 4)
        and trials.sweep < 3
),
sums as (
    select
        srcaddr,
        count(distinct case when called = 'internal' then dstaddr end) as internal_hosts,
        count(distinct case when called = 'outbound' then dstaddr end) as outbound_hosts,
        count(distinct cast(protocol as bigint) * 65536 + dstport) as ports,
        cast(sum(records) as bigint) as records,
        cast(sum(refused) as bigint) as refused,
        min(first_seen) as first_seen,
        max(last_seen) as last_seen
    from vain
    group by srcaddr
),
by_port as (
    select
        srcaddr,
        protocol,
        dstport,
        row_number() over (partition by srcaddr order by count(*) desc, protocol, dstport) as place
    from vain
    group by srcaddr, protocol, dstport
)
select
    sums.srcaddr,
    judged.evidence,
    sums.internal_hosts,
    sums.outbound_hosts,
    sums.ports,
    by_port.protocol,
    by_port.dstport,
    sums.records,
    sums.refused,
    sums.first_seen,
    sums.last_seen
from sums
join judged
    on judged.srcaddr = sums.srcaddr
join by_port
    on by_port.srcaddr = sums.srcaddr
    and by_port.place = 1
order by judged.evidence desc, sums.srcaddr
limit $limit
