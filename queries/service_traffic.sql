-- Services that listen, whichever way a record points: who serves on which port, to how many.
-- The side that listens is the one that a SYN went to, or a SYN-ACK came from, in any record of the
-- connection. Where none tells and one side alone sent: the one with a commonly probed port, if it was sent
-- to, or one that a refused record went to, unless it looks like a late answer (see refusals). Where
-- both sent: the one with a commonly probed port, if the other's is no service's; of two such the one that
-- was sent to first. Else the one whose port is under 1024 or 32768, if the other's is not; or unknown.
-- TCP and UDP alone have ports. A connection that two ENIs, or two attachments of a transit gateway,
-- logged is counted at each of them.
-- Records that name no ENI: each transit gateway, VPC or account for itself.
--
-- reads: flows, enis, own, services
-- needs: protocol, srcport, dstport
-- param: limit bigint = 0 | rows | rows to give; 0 gives all
-- column: interface_id varchar | | ENI that logged the records; null in transit gateway records
-- column: direction varchar | | inbound (ours serves), outbound (theirs), internal or unknown
-- column: server varchar | | address that listens; null where the records do not tell the side
-- column: protocol integer | | IANA protocol number
-- column: port integer | | the server's port; null where the side is unknown and ports differ
-- column: records bigint | records | flow-log records, both directions
-- column: clients bigint | addresses | distinct addresses at the other end
-- column: accepted bigint | records | of the records, accepted
-- column: rejected bigint | records | of the records, refused
-- column: bytes_to bigint | bytes | bytes to the server, refused records left out
-- column: bytes_back bigint | bytes | bytes from the server, refused records left out
-- column: opening_seen bigint | records | of the records, those whose SYN or SYN-ACK was seen
-- column: first_seen timestamptz | UTC | earliest start
-- column: last_seen timestamptz | UTC | latest end
with oriented as (
    select
        interface_id,
        case when interface_id is null then coalesce(tgw_id, vpc_id, account_id) end as network,
        srcaddr,
        dstaddr,
        protocol,
        srcport,
        dstport,
        coalesce(srcport < dstport, false) as from_low,
        tcp_flags & 18 as opening,
        action,
        case when interface_id is not null then flow_direction end as flow_direction,
        bytes,
        start_time,
        end_time
    from flows
    where log_status = 'OK' and protocol in (6, 17)
),
tuples as (
    select
        interface_id,
        network,
        protocol,
        case when from_low then srcaddr else dstaddr end as low_addr,
        case when from_low then srcport else dstport end as low_port,
        case when from_low then dstaddr else srcaddr end as high_addr,
        case when from_low then dstport else srcport end as high_port,
        count(*) as records,
        count(*) filter (where action = 'ACCEPT') as accepted,
        count(*) filter (where action = 'REJECT') as rejected,
        count(*) filter (where from_low) as from_low,
        count(*) filter (
            where (from_low and opening = 18) or (not from_low and opening = 2)
        ) as low_serves,
        count(*) filter (
            where (from_low and opening = 2) or (not from_low and opening = 18)
        ) as high_serves,
        count(*) filter (
            where
                (from_low and flow_direction = 'egress')
                or (not from_low and flow_direction = 'ingress')
        ) as low_own,
        count(*) filter (
            where
                (from_low and flow_direction = 'ingress')
                or (not from_low and flow_direction = 'egress')
        ) as high_own,
        sum(
            case
                when bytes is null then null
                when not from_low and action is distinct from 'REJECT' then bytes
                else 0
            end
        ) as bytes_to_low,
        sum(
            case
                when bytes is null then null
                when from_low and action is distinct from 'REJECT' then bytes
                else 0
            end
        ) as bytes_to_high,
        min(case when from_low then start_time end) as low_first,
        min(case when not from_low then start_time end) as high_first,
        max(end_time) as last_seen
    from oriented
    group by
        interface_id,
        network,
        protocol,
        case when from_low then srcaddr else dstaddr end,
        case when from_low then srcport else dstport end,
        case when from_low then dstaddr else srcaddr end,
        case when from_low then dstport else srcport end
),
told as (
    select
        tuples.interface_id,
        tuples.network,
        tuples.protocol,
        tuples.low_addr,
        tuples.low_port,
        tuples.high_addr,
        tuples.high_port,
        case
            when tuples.low_serves <> tuples.high_serves
                then tuples.high_serves > tuples.low_serves
            when tuples.from_low = tuples.records and high_probed.port is not null then true
            when tuples.rejected > 0
                and tuples.from_low = tuples.records
                and tuples.low_port < 32768
                and (tuples.high_port < 32768 or low_service.port is null)
                then true
            when tuples.rejected > 0 and tuples.from_low = 0 and tuples.low_port < 32768
                then false
            when tuples.from_low > 0
                and high_probed.port is not null
                and low_service.port is null
                and (low_probed.port is null or tuples.low_first < tuples.high_first)
                then true
            when tuples.low_port < 1024 and tuples.high_port >= 1024 then false
            when tuples.low_port < 32768 and tuples.high_port >= 32768 then false
        end as high_listens,
        tuples.records,
        tuples.accepted,
        tuples.rejected,
        case when tuples.low_serves <> tuples.high_serves then tuples.records else 0 end
            as opening_seen,
        tuples.low_own > tuples.high_own as low_own,
        tuples.high_own > tuples.low_own as high_own,
        tuples.bytes_to_low,
        tuples.bytes_to_high,
        least(tuples.low_first, tuples.high_first) as first_seen,
        tuples.last_seen
    from tuples
    left join services as low_service
        on low_service.port = tuples.low_port
        and low_service.protocol = tuples.protocol
        and low_service.service
    left join services as low_probed
        on low_probed.port = tuples.low_port
        and low_probed.protocol = tuples.protocol
        and low_probed.probed
    left join services as high_probed
        on high_probed.port = tuples.high_port
        and high_probed.protocol = tuples.protocol
        and high_probed.probed
),
sided as (
    select
        interface_id,
        network,
        protocol,
        case when high_listens then high_addr when not high_listens then low_addr end as server,
        case
            when high_listens then high_port
            when not high_listens or low_port = high_port then low_port
        end as port,
        case when high_listens then low_addr when not high_listens then high_addr end as client,
        case when high_listens then high_own else low_own end as server_own,
        case when high_listens then low_own else high_own end as client_own,
        records,
        accepted,
        rejected,
        opening_seen,
        case
            when high_listens then bytes_to_high
            when not high_listens then bytes_to_low
        end as bytes_to,
        case
            when high_listens then bytes_to_low
            when not high_listens then bytes_to_high
        end as bytes_back,
        first_seen,
        last_seen
    from told
),
places as (
    select interface_id, min(network) as network
    from enis
    group by interface_id
),
owned as (
    select
        sided.interface_id,
        sided.network,
        sided.protocol,
        sided.server,
        sided.port,
        sided.client,
        sided.server_own or ours.address is not null as server_own,
        sided.client_own or theirs.address is not null as client_own,
        sided.records,
        sided.accepted,
        sided.rejected,
        sided.opening_seen,
        sided.bytes_to,
        sided.bytes_back,
        sided.first_seen,
        sided.last_seen
    from sided
    left join places
        on places.interface_id = sided.interface_id
    left join own as ours
        on ours.address = sided.server
        and (ours.network is null or ours.network = places.network)
    left join own as theirs
        on theirs.address = sided.client
        and (theirs.network is null or theirs.network = places.network)
),
directed as (
    select
        interface_id,
        network,
        case
            when server is null or client is null then 'unknown'
            when server_own and client_own then 'internal'
            when server_own then 'inbound'
            when client_own then 'outbound'
            else 'unknown'
        end as direction,
        server,
        protocol,
        port,
        client,
        records,
        accepted,
        rejected,
        opening_seen,
        bytes_to,
        bytes_back,
        first_seen,
        last_seen
    from owned
)
select
    interface_id,
    direction,
    server,
    protocol,
    port,
    cast(sum(records) as bigint) as records,
    count(distinct client) as clients,
    cast(sum(accepted) as bigint) as accepted,
    cast(sum(rejected) as bigint) as rejected,
    cast(sum(bytes_to) as bigint) as bytes_to,
    cast(sum(bytes_back) as bigint) as bytes_back,
    cast(sum(opening_seen) as bigint) as opening_seen,
    min(first_seen) as first_seen,
    max(last_seen) as last_seen
from directed
group by interface_id, network, direction, server, protocol, port
order by records desc, interface_id, direction, server, protocol, port, network
limit $limit
