-- Who talked to whom, on which service, and whether it was answered.
-- Records of both directions are one conversation. The server is the side that a SYN went to, or a
-- SYN-ACK came from, in any record of the connection. Where none tells and one side alone sent: the side
-- with a commonly probed port, if it was sent to, or one that a refused record went to, unless it
-- looks like a late answer (see refusals). Where both sent: the one with a commonly probed port, if the
-- other's is no service's; of two such, and of equal ports or none, the one that was sent to first. Else
-- the one with the lower port.
-- Answered means that bytes came back from the service, accepted, and more than a reset; ACCEPT
-- alone is no success. A conversation that two ENIs, or two attachments of a transit gateway,
-- logged is counted at each, so sums are per ENI.
-- Records that name no ENI: each transit gateway, VPC or account for itself.
--
-- reads: flows, services
-- param: limit bigint = 0 | rows | rows to give; 0 gives all
-- column: interface_id varchar | | ENI that logged the records; null in transit gateway records
-- column: client varchar | | address that asked
-- column: server varchar | | address that was asked
-- column: protocol integer | | IANA protocol number
-- column: port integer | | the server's port; 0 for ICMP, which has none
-- column: records bigint | records | flow-log records, both directions
-- column: rejected bigint | records | of these, rejected
-- column: answered boolean | | an answer was accepted; null where an answer's action is not logged
-- column: bytes_to bigint | bytes | bytes from client to server, refused records left out
-- column: bytes_back bigint | bytes | bytes from server to client, refused records left out
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
        coalesce(srcport < dstport or (srcport = dstport and srcaddr < dstaddr), false) as from_low,
        tcp_flags & 18 as opening,
        action,
        bytes,
        coalesce(bytes > 0, true)
            and (
                tcp_flags is null
                or protocol <> 6
                or (tcp_flags & 4) = 0
                or (tcp_flags & 18) = 18
                or bytes > packets * 60
            ) as answers,
        start_time,
        end_time
    from flows
    where log_status = 'OK'
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
        count(*) filter (where action = 'REJECT') as rejected,
        count(*) filter (where from_low) as from_low,
        count(*) filter (
            where (from_low and opening = 18) or (not from_low and opening = 2)
        ) as low_serves,
        count(*) filter (
            where (from_low and opening = 2) or (not from_low and opening = 18)
        ) as high_serves,
        count(*) filter (where from_low and answers and action = 'ACCEPT') as low_answers,
        count(*) filter (where not from_low and answers and action = 'ACCEPT') as high_answers,
        count(*) filter (where from_low and answers and action is null) as low_unsaid,
        count(*) filter (where not from_low and answers and action is null) as high_unsaid,
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
            when tuples.low_port = tuples.high_port
                then coalesce(tuples.low_first < tuples.high_first, tuples.high_first is null)
            when tuples.from_low = tuples.records
                then high_probed.port is not null
                    or (
                        tuples.rejected > 0
                        and coalesce(tuples.high_port < 32768 or low_service.port is null, false)
                    )
            when tuples.from_low = 0 or high_probed.port is null or low_service.port is not null
                then false
            else low_probed.port is null or tuples.low_first < tuples.high_first
        end as high_listens,
        tuples.records,
        tuples.rejected,
        tuples.low_answers,
        tuples.high_answers,
        tuples.low_unsaid,
        tuples.high_unsaid,
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
        case when high_listens then low_addr else high_addr end as client,
        case when high_listens then high_addr else low_addr end as server,
        protocol,
        case when high_listens then high_port else low_port end as port,
        records,
        rejected,
        case when high_listens then high_answers else low_answers end as answers,
        case when high_listens then high_unsaid else low_unsaid end as unsaid,
        case when high_listens then bytes_to_high else bytes_to_low end as bytes_to,
        case when high_listens then bytes_to_low else bytes_to_high end as bytes_back,
        first_seen,
        last_seen
    from told
)
select
    interface_id,
    client,
    server,
    protocol,
    port,
    cast(sum(records) as bigint) as records,
    cast(sum(rejected) as bigint) as rejected,
    case
        when sum(answers) > 0 then true
        when sum(unsaid) = 0 then false
    end as answered,
    cast(sum(bytes_to) as bigint) as bytes_to,
    cast(sum(bytes_back) as bigint) as bytes_back,
    min(first_seen) as first_seen,
    max(last_seen) as last_seen
from sided
group by interface_id, network, client, server, protocol, port
order by records desc, interface_id, client, server, protocol, port, network
limit $limit
