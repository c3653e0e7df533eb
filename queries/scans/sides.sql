-- Records with traffic as our own side sees them: the peer, our own address, and which way they go.
-- Direction is flow_direction's, else that of the ENI's own address, else that between our own and
-- the outside. Where none of these tells, a record counts as inward if it was refused or goes to the
-- lower port. What contradicts its ENI's direction only passes through, and is left out.
--
-- reads: flows, enis, own
-- as: view
-- needs: action
-- param: limit bigint = 0 | rows | rows to give; 0 gives all
-- column: day bigint | days | day of the record's start, since 1970-01-01
-- column: inward boolean | | the peer sent it to our own address; else our own side sent it
-- column: inside boolean | | the peer is one of our own addresses
-- column: peer varchar | | the other side's address
-- column: interface_id varchar | | ENI that logged the record
-- column: address varchar | | our own address
-- column: protocol integer | | IANA protocol number
-- column: port integer | | our own side's port; 0 for ICMP, which has none
-- column: peer_port integer | | the peer's port
-- column: refused boolean | | action is REJECT
-- column: tcp_flags integer | | flags of TCP records, null where the log lacks them
-- column: packets bigint | packets | packets of the record
-- column: bytes bigint | bytes | bytes of the record
-- column: gateway boolean | | a NAT gateway logged it: accepted there is no answer of anybody's
-- column: start_time timestamptz | UTC | start of the record
-- column: end_time timestamptz | UTC | end of the record
with interfaces as (
    select interface_id, min(ipv4) as ipv4, min(ipv6) as ipv6, min(network) as network
    from enis
    group by interface_id
),
seen as (
    select
        cast(floor(cast(epoch(flows.start_time) as bigint) / 86400) as bigint) as day,
        flows.interface_id,
        flows.srcaddr,
        flows.dstaddr,
        coalesce(flows.srcport, 0) as srcport,
        coalesce(flows.dstport, 0) as dstport,
        flows.protocol,
        flows.action = 'REJECT' as refused,
        case when flows.protocol = 6 then flows.tcp_flags end as tcp_flags,
        coalesce(flows.packets, 0) as packets,
        coalesce(flows.bytes, 0) as bytes,
        coalesce(flows.interface_type in ('nat_gateway', 'regional_nat_gateway'), false)
            as gateway,
        flows.start_time,
        flows.end_time,
        source.address is not null as from_own,
        target.address is not null as to_own,
        case
            when flows.flow_direction = 'ingress' then true
            when flows.flow_direction = 'egress' then false
            when flows.dstaddr in (interfaces.ipv4, interfaces.ipv6) then true
            when flows.srcaddr in (interfaces.ipv4, interfaces.ipv6) then false
        end as ingress
    from flows
    left join interfaces
        on interfaces.interface_id = flows.interface_id
    left join own as source
        on source.address = flows.srcaddr
        and (source.network is null or source.network = interfaces.network)
    left join own as target
        on target.address = flows.dstaddr
        and (target.network is null or target.network = interfaces.network)
    where
        flows.log_status = 'OK'
        and flows.action in ('ACCEPT', 'REJECT')
        and flows.protocol is not null
        and flows.srcaddr <> flows.dstaddr
),
directed as (
    select
        day,
        interface_id,
        srcaddr,
        dstaddr,
        srcport,
        dstport,
        protocol,
        refused,
        tcp_flags,
        packets,
        bytes,
        gateway,
        start_time,
        end_time,
        from_own,
        to_own,
        case
            when from_own = to_own
                then coalesce(ingress, refused or dstport < srcport)
            when coalesce(ingress, to_own) = to_own then to_own
        end as inward
    from seen
)
select
    day,
    inward,
    case when inward then from_own else to_own end as inside,
    case when inward then srcaddr else dstaddr end as peer,
    interface_id,
    case when inward then dstaddr else srcaddr end as address,
    protocol,
    case when inward then dstport else srcport end as port,
    case when inward then srcport else dstport end as peer_port,
    refused,
    tcp_flags,
    packets,
    bytes,
    gateway,
    start_time,
    end_time
from directed
where inward is not null
order by
    start_time,
    end_time,
    interface_id,
    peer,
    address,
    protocol,
    port,
    peer_port,
    inward,
    refused,
    tcp_flags,
    packets,
    bytes,
    gateway
limit $limit
