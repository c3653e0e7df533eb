-- Services that listen, whichever way a record points: who serves on which port, to how many.
-- The side that listens is the one that a SYN went to, or a SYN-ACK came from, in any record of the
-- connection. Where none tells: the one that a refused record went to, if nothing came back from
-- there; else the one whose port is under 1024 or 32768, if the other's is not. Else it is unknown.
-- TCP and UDP alone have ports. A connection that two ENIs, or two attachments of a transit gateway,
-- logged is counted at each of them.
--
-- reads: flows, enis
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
        min(start_time) as first_seen,
        max(end_time) as last_seen
    from oriented
    group by
        interface_id,
        protocol,
        case when from_low then srcaddr else dstaddr end,
        case when from_low then srcport else dstport end,
        case when from_low then dstaddr else srcaddr end,
        case when from_low then dstport else srcport end
),
told as (
    select
        interface_id,
        protocol,
        low_addr,
        low_port,
        high_addr,
        high_port,
        case
            when low_serves <> high_serves then high_serves > low_serves
            when rejected > 0 and from_low = records and high_port < 32768 then true
            when rejected > 0 and from_low = 0 and low_port < 32768 then false
            when low_port < 1024 and high_port >= 1024 then false
            when low_port < 32768 and high_port >= 32768 then false
        end as high_listens,
        records,
        accepted,
        rejected,
        case when low_serves <> high_serves then records else 0 end as opening_seen,
        low_own > high_own as low_own,
        high_own > low_own as high_own,
        bytes_to_low,
        bytes_to_high,
        first_seen,
        last_seen
    from tuples
),
sided as (
    select
        interface_id,
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
proven as (
    select ipv4 as address
    from enis
    union
    select ipv6 as address
    from enis
),
owned as (
    select
        sided.interface_id,
        sided.protocol,
        sided.server,
        sided.port,
        sided.client,
        sided.server_own
            or ours.address is not null
            or case
                when sided.server like '172.%'
                    then cast(split_part(sided.server, '.', 2) as integer) between 16 and 31
                when sided.server like '100.%'
                    then cast(split_part(sided.server, '.', 2) as integer) between 64 and 127
                else sided.server like '10.%'
                    or sided.server like '192.168.%'
                    or sided.server like '169.254.%'
                    or sided.server like 'fc__:%'
                    or sided.server like 'fd__:%'
                    or sided.server like 'fe80:%'
            end as server_own,
        sided.client_own
            or theirs.address is not null
            or case
                when sided.client like '172.%'
                    then cast(split_part(sided.client, '.', 2) as integer) between 16 and 31
                when sided.client like '100.%'
                    then cast(split_part(sided.client, '.', 2) as integer) between 64 and 127
                else sided.client like '10.%'
                    or sided.client like '192.168.%'
                    or sided.client like '169.254.%'
                    or sided.client like 'fc__:%'
                    or sided.client like 'fd__:%'
                    or sided.client like 'fe80:%'
            end as client_own,
        sided.records,
        sided.accepted,
        sided.rejected,
        sided.opening_seen,
        sided.bytes_to,
        sided.bytes_back,
        sided.first_seen,
        sided.last_seen
    from sided
    left join proven as ours
        on ours.address = sided.server
    left join proven as theirs
        on theirs.address = sided.client
),
directed as (
    select
        interface_id,
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
group by interface_id, direction, server, protocol, port
order by records desc, interface_id, direction, server, protocol, port
limit $limit
