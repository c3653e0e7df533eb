-- Rejected records, classified: whose traffic was refused.
-- The first class that fits: late (an answer or leftover: the mirrored 5-tuple was accepted before
-- the refusal ended, for records to the lower port at most 600 s before, since client ports are
-- used again; or a service's source port to an ephemeral port that is not commonly probed),
-- internal (our own to our own), inbound (outside to our own), outbound (our own to outside),
-- unknown (neither side is known to be our own). Own is what an ENI's records prove, private, or declared.
-- ICMP's type is not logged: its record is late while the other side's accepted ICMP goes on, unless
-- its own side was the first to be accepted. What other ENIs logged counts in one network (see enis).
--
-- reads: flows, enis, own, services
-- needs: action
-- param: limit bigint = 0 | rows | rows to give; 0 gives all
-- column: class varchar | | late, internal, inbound, outbound or unknown
-- column: interface_id varchar | | ENI that logged the records
-- column: srcaddr varchar | | source address
-- column: dstaddr varchar | | destination address
-- column: protocol integer | | IANA protocol number
-- column: srcport integer | | source port of late records; null for the other classes
-- column: dstport integer | | destination port; 0 for ICMP, which has none
-- column: records bigint | records | rejected flow-log records
-- column: packets bigint | packets | packets of these records
-- column: bytes bigint | bytes | bytes of these records
-- column: first_seen timestamptz | UTC | earliest start
-- column: last_seen timestamptz | UTC | latest end
-- column: mirrored boolean | | the mirrored 5-tuple was accepted before one of them ended
-- column: from_own boolean | | the source address is our own
-- column: to_own boolean | | the destination address is our own
-- column: network varchar | | network of the ENI that logged the records; null where it is not known
with places as (
    select interface_id, min(network) as network
    from enis
    group by interface_id
),
refused as (
    select
        flows.interface_id,
        coalesce(places.network, flows.vpc_id, flows.account_id) as network,
        flows.srcaddr,
        flows.dstaddr,
        flows.protocol,
        flows.srcport,
        flows.dstport,
        flows.packets,
        flows.bytes,
        flows.start_time,
        flows.end_time
    from flows
    left join places
        on places.interface_id = flows.interface_id
    where flows.log_status = 'OK' and flows.action = 'REJECT'
),
mirrors as (
    select
        refused.network,
        refused.srcaddr,
        refused.dstaddr,
        refused.protocol,
        refused.srcport,
        refused.dstport,
        refused.start_time,
        min(flows.start_time) as accepted_from,
        max(flows.end_time) as accepted_until
    from flows
    join refused
        on flows.srcport = refused.dstport
        and flows.dstport = refused.srcport
        and flows.protocol = refused.protocol
        and flows.srcaddr = refused.dstaddr
        and flows.dstaddr = refused.srcaddr
        and flows.start_time <= refused.end_time
        and (
            refused.srcport < refused.dstport
            or cast(epoch(refused.start_time) as bigint)
                - cast(epoch(flows.end_time) as bigint)
                <= case when refused.protocol in (6, 17) then 600 else 10 end
        )
        and (refused.protocol in (6, 17) or flows.start_time <= refused.start_time)
    left join places
        on places.interface_id = flows.interface_id
    where
        flows.log_status = 'OK'
        and flows.action = 'ACCEPT'
        and refused.protocol in (1, 6, 17, 58)
        and coalesce(places.network, flows.vpc_id, flows.account_id) = refused.network
    group by
        refused.network,
        refused.srcaddr,
        refused.dstaddr,
        refused.protocol,
        refused.srcport,
        refused.dstport,
        refused.start_time
),
echoes as (
    select
        coalesce(places.network, flows.vpc_id, flows.account_id) as network,
        flows.srcaddr,
        flows.dstaddr,
        flows.protocol,
        min(flows.start_time) as first_seen
    from flows
    left join places
        on places.interface_id = flows.interface_id
    where flows.log_status = 'OK' and flows.action = 'ACCEPT' and flows.protocol in (1, 58)
    group by
        coalesce(places.network, flows.vpc_id, flows.account_id),
        flows.srcaddr,
        flows.dstaddr,
        flows.protocol
),
mirrored as (
    select
        mirrors.network,
        mirrors.srcaddr,
        mirrors.dstaddr,
        mirrors.protocol,
        mirrors.srcport,
        mirrors.dstport,
        mirrors.start_time,
        mirrors.accepted_from
    from mirrors
    left join echoes as asked
        on asked.network = mirrors.network
        and asked.srcaddr = mirrors.srcaddr
        and asked.dstaddr = mirrors.dstaddr
        and asked.protocol = mirrors.protocol
    left join echoes as asking
        on asking.network = mirrors.network
        and asking.srcaddr = mirrors.dstaddr
        and asking.dstaddr = mirrors.srcaddr
        and asking.protocol = mirrors.protocol
    where
        asked.first_seen is null
        or asked.first_seen > asking.first_seen
        or (
            asked.first_seen = asking.first_seen
            and mirrors.accepted_until >= mirrors.start_time
        )
),
judged as (
    select
        refused.interface_id,
        refused.network,
        refused.srcaddr,
        refused.dstaddr,
        refused.protocol,
        refused.srcport,
        refused.dstport,
        refused.packets,
        refused.bytes,
        refused.start_time,
        refused.end_time,
        coalesce(mirrored.accepted_from <= refused.end_time, false) as mirrored,
        answering.port is not null
            and refused.dstport >= 32768
            and probed.port is null as from_service,
        source.address is not null as from_own,
        target.address is not null as to_own
    from refused
    left join mirrored
        on mirrored.network = refused.network
        and mirrored.srcaddr = refused.srcaddr
        and mirrored.dstaddr = refused.dstaddr
        and mirrored.protocol = refused.protocol
        and mirrored.srcport = refused.srcport
        and mirrored.dstport = refused.dstport
        and mirrored.start_time = refused.start_time
    left join services as answering
        on answering.port = refused.srcport
        and answering.protocol = refused.protocol
        and answering.service
    left join services as probed
        on probed.port = refused.dstport
        and probed.protocol = refused.protocol
        and probed.probed
    left join own as source
        on source.address = refused.srcaddr
        and (source.network is null or source.network = refused.network)
    left join own as target
        on target.address = refused.dstaddr
        and (target.network is null or target.network = refused.network)
),
classified as (
    select
        case
            when mirrored or from_service then 'late'
            when from_own and to_own then 'internal'
            when to_own then 'inbound'
            when from_own then 'outbound'
            else 'unknown'
        end as class,
        interface_id,
        network,
        srcaddr,
        dstaddr,
        protocol,
        case when mirrored or from_service then srcport end as srcport,
        dstport,
        packets,
        bytes,
        start_time,
        end_time,
        mirrored,
        from_own,
        to_own
    from judged
)
select
    class,
    interface_id,
    srcaddr,
    dstaddr,
    protocol,
    srcport,
    dstport,
    count(*) as records,
    cast(sum(packets) as bigint) as packets,
    cast(sum(bytes) as bigint) as bytes,
    min(start_time) as first_seen,
    max(end_time) as last_seen,
    max(mirrored) as mirrored,
    max(from_own) as from_own,
    max(to_own) as to_own,
    network
from classified
group by class, interface_id, srcaddr, dstaddr, protocol, srcport, dstport, network
order by records desc, class, interface_id, srcaddr, dstaddr, protocol, srcport, dstport, network
limit $limit
