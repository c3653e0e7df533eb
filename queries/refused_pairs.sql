-- Rejected traffic by class (see refusals), source, destination, protocol and destination port.
-- It says whether the same was accepted before: what worked and stopped working is an outage.
--
-- reads: flows, refusals
-- needs: action
-- param: limit bigint = 0 | rows | rows to give; 0 gives all
-- column: class varchar | | late, internal, inbound, outbound or unknown
-- column: srcaddr varchar | | source address
-- column: dstaddr varchar | | destination address
-- column: protocol integer | | IANA protocol number
-- column: dstport integer | | destination port; 0 for ICMP, which has none
-- column: records bigint | records | rejected flow-log records
-- column: first_seen timestamptz | UTC | earliest start
-- column: last_seen timestamptz | UTC | latest end
-- column: worked_before boolean | | an accepted record of the four began before first_seen
with pairs as (
    select
        class,
        srcaddr,
        dstaddr,
        protocol,
        dstport,
        cast(sum(records) as bigint) as records,
        min(first_seen) as first_seen,
        max(last_seen) as last_seen
    from refusals
    group by class, srcaddr, dstaddr, protocol, dstport
),
worked as (
    select
        pairs.class,
        pairs.srcaddr,
        pairs.dstaddr,
        pairs.protocol,
        pairs.dstport,
        count(*) as records
    from flows
    join pairs
        on flows.srcaddr = pairs.srcaddr
        and flows.dstaddr = pairs.dstaddr
        and flows.protocol = pairs.protocol
        and flows.dstport = pairs.dstport
    where
        flows.log_status = 'OK'
        and flows.action = 'ACCEPT'
        and flows.start_time < pairs.first_seen
    group by
        pairs.class,
        pairs.srcaddr,
        pairs.dstaddr,
        pairs.protocol,
        pairs.dstport
)
select
    pairs.class,
    pairs.srcaddr,
    pairs.dstaddr,
    pairs.protocol,
    pairs.dstport,
    pairs.records,
    pairs.first_seen,
    pairs.last_seen,
    worked.records is not null as worked_before
from pairs
left join worked
    on worked.class = pairs.class
    and worked.srcaddr = pairs.srcaddr
    and worked.dstaddr = pairs.dstaddr
    and worked.protocol = pairs.protocol
    and worked.dstport = pairs.dstport
order by
    pairs.records desc,
    pairs.class,
    pairs.srcaddr,
    pairs.dstaddr,
    pairs.protocol,
    pairs.dstport
limit $limit
