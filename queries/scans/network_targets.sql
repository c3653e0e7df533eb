-- The targets of sources that didn't alarm alone, by their network: a /24, or a /64 of IPv6.
-- Networks of too few sources are left out.
--
-- reads: targets, judged, networks, evidence
-- param: limit bigint = 0 | rows | rows to give; 0 gives all
-- column: srcaddr varchar | | the network
-- column: inside boolean | | false: only sources from outside are taken together
-- column: interface_id varchar | | ENI of the target
-- column: dstaddr varchar | | address of the target
-- column: protocol integer | | IANA protocol number
-- column: dstport integer | | port; 0 for ICMP, which has none
-- column: called varchar | | null: only hosts of ours call
-- column: family bigint | | services that one client tries together: 65536 · protocol + port
-- column: outcome bigint | | what became of it, the best that was reached
-- column: packets bigint | packets | packets from the network
-- column: refused bigint | records | records refused
-- column: accepted bigint | records | records accepted
-- column: answers bigint | records | our own side's answers
-- column: bytes_in bigint | bytes | bytes accepted from the network
-- column: bytes_out bigint | bytes | bytes of the answers
-- column: first_seen timestamptz | UTC | earliest start
-- column: last_seen timestamptz | UTC | latest end
-- column: answered_first timestamptz | UTC | earliest start of the answers
with members as (
    select judged.srcaddr, networks.network
    from judged
    join networks
        on networks.address = judged.srcaddr
    where judged.tier <> 'scanner' and not judged.inside
),
shared as (
    select members.network
    from members
    cross join evidence
    group by members.network
    having count(*) >= max(evidence.group_members)
)
select
    members.network as srcaddr,
    false as inside,
    targets.interface_id,
    targets.dstaddr,
    targets.protocol,
    targets.dstport,
    targets.called,
    targets.family,
    max(targets.outcome) as outcome,
    cast(sum(targets.packets) as bigint) as packets,
    cast(sum(targets.refused) as bigint) as refused,
    cast(sum(targets.accepted) as bigint) as accepted,
    cast(sum(targets.answers) as bigint) as answers,
    cast(sum(targets.bytes_in) as bigint) as bytes_in,
    cast(sum(targets.bytes_out) as bigint) as bytes_out,
    min(targets.first_seen) as first_seen,
    max(targets.last_seen) as last_seen,
    min(targets.answered_first) as answered_first
from targets
join members
    on members.srcaddr = targets.srcaddr
join shared
    on shared.network = members.network
where not targets.inside
group by
    members.network,
    targets.interface_id,
    targets.dstaddr,
    targets.protocol,
    targets.dstport,
    targets.called,
    targets.family
order by srcaddr, first_seen, interface_id, dstaddr, protocol, dstport
limit $limit
