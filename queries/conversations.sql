-- Who talked to whom, on which service, and whether it was answered.
-- Records of both directions are one conversation. The server is the side that a SYN went to, or
-- that a refused record went to; where neither tells, the side with the lower port.
-- Answered means that bytes came back from the service, accepted; ACCEPT alone is no success. A
-- conversation that two ENIs logged is counted at each of them, so sums are per ENI.
--
-- reads: flows
-- param: limit bigint = 0 | rows | rows to give; 0 gives all
-- column: interface_id varchar | | ENI that logged the records
-- column: client varchar | | address that asked
-- column: server varchar | | address that was asked
-- column: protocol integer | | IANA protocol number
-- column: port integer | | the server's port; 0 for ICMP, which has none
-- column: records bigint | records | flow-log records, both directions
-- column: rejected bigint | records | of these, rejected
-- column: answered boolean | | bytes from the server were accepted
-- column: bytes_to bigint | bytes | accepted bytes from client to server
-- column: bytes_back bigint | bytes | accepted bytes from server to client
-- column: first_seen timestamptz | UTC | earliest start
-- column: last_seen timestamptz | UTC | latest end
with sided as (
    select
        interface_id,
        protocol,
        action,
        bytes,
        start_time,
        end_time,
        case
            when (tcp_flags & 18) = 18 then true
            when (tcp_flags & 18) = 2 then false
            when action = 'REJECT' and dstport < 32768 then false
            else coalesce(srcport < dstport, false)
        end as from_server,
        srcaddr,
        dstaddr,
        srcport,
        dstport
    from flows
    where log_status = 'OK'
)
select
    interface_id,
    case when from_server then dstaddr else srcaddr end as client,
    case when from_server then srcaddr else dstaddr end as server,
    protocol,
    case when from_server then srcport else dstport end as port,
    count(*) as records,
    count(*) filter (where action = 'REJECT') as rejected,
    coalesce(
        cast(sum(case when from_server and action = 'ACCEPT' then bytes else 0 end) as bigint), 0
    ) > 0 as answered,
    coalesce(
        cast(sum(case when not from_server and action = 'ACCEPT' then bytes else 0 end) as bigint), 0
    ) as bytes_to,
    coalesce(
        cast(sum(case when from_server and action = 'ACCEPT' then bytes else 0 end) as bigint), 0
    ) as bytes_back,
    min(start_time) as first_seen,
    max(end_time) as last_seen
from sided
group by
    interface_id,
    case when from_server then dstaddr else srcaddr end,
    case when from_server then srcaddr else dstaddr end,
    protocol,
    case when from_server then srcport else dstport end
order by records desc, interface_id, client, server, protocol, port
limit $limit
