-- Who talked to whom, on which service, and whether it was answered.
-- Records of both directions are one conversation. The server is the side that a SYN went to, or a
-- SYN-ACK came from, in any record of the connection; where none tells, the side that a refused
-- record went to, if nothing came back from there, else the one with the lower port.
-- Answered means that bytes came back from the service, accepted, and more than a reset; ACCEPT
-- alone is no success. A conversation that two ENIs, or two attachments of a transit gateway,
-- logged is counted at each, so sums are per ENI.
--
-- reads: flows
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
        srcaddr,
        dstaddr,
        protocol,
        srcport,
        dstport,
        coalesce(srcport < dstport, false) as from_low,
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
            else rejected > 0 and from_low = records and coalesce(high_port < 32768, false)
        end as high_listens,
        records,
        rejected,
        low_answers,
        high_answers,
        low_unsaid,
        high_unsaid,
        bytes_to_low,
        bytes_to_high,
        first_seen,
        last_seen
    from tuples
),
sided as (
    select
        interface_id,
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
group by interface_id, client, server, protocol, port
order by records desc, interface_id, client, server, protocol, port
limit $limit
