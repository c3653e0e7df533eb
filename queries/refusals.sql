-- Rejected records, classified: whose traffic was refused.
-- The first class that fits: late (an answer or leftover: the mirrored 5-tuple was accepted before
-- the refusal ended, for records to the lower port at most 600 s before, since client ports are
-- used again; or a service's source port to an ephemeral port that is not commonly probed),
-- internal (our own to our own), inbound (outside to our own), outbound (our own to outside),
-- unknown (neither side is known to be our own). Own is what an ENI's records prove, private, or declared.
--
-- reads: flows, own, services
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
with refused as (
    select
        interface_id,
        srcaddr,
        dstaddr,
        protocol,
        srcport,
        dstport,
        packets,
        bytes,
        start_time,
        end_time
    from flows
    where log_status = 'OK' and action = 'REJECT'
),
mirrors as (
    select
        refused.srcaddr,
        refused.dstaddr,
        refused.protocol,
        refused.srcport,
        refused.dstport,
        refused.start_time,
        min(flows.start_time) as accepted_from
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
                - cast(epoch(flows.end_time) as bigint) <= 600
        )
    where flows.log_status = 'OK' and flows.action = 'ACCEPT' and refused.protocol in (6, 17)
    group by
        refused.srcaddr,
        refused.dstaddr,
        refused.protocol,
        refused.srcport,
        refused.dstport,
        refused.start_time
),
judged as (
    select
        refused.interface_id,
        refused.srcaddr,
        refused.dstaddr,
        refused.protocol,
        refused.srcport,
        refused.dstport,
        refused.packets,
        refused.bytes,
        refused.start_time,
        refused.end_time,
        coalesce(mirrors.accepted_from <= refused.end_time, false) as mirrored,
        answering.port is not null
            and refused.dstport >= 32768
            and probed.port is null as from_service,
        source.address is not null as from_own,
        target.address is not null as to_own
    from refused
    left join mirrors
        on mirrors.srcaddr = refused.srcaddr
        and mirrors.dstaddr = refused.dstaddr
        and mirrors.protocol = refused.protocol
        and mirrors.srcport = refused.srcport
        and mirrors.dstport = refused.dstport
        and mirrors.start_time = refused.start_time
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
    left join own as target
        on target.address = refused.dstaddr
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
    max(to_own) as to_own
from classified
group by class, interface_id, srcaddr, dstaddr, protocol, srcport, dstport
order by records desc, class, interface_id, srcaddr, dstaddr, protocol, srcport, dstport
limit $limit
