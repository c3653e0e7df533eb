-- Sources from outside that were refused by an ENI and accepted by it later, by port.
-- Accepted alone is no success: answered says whether our side sent anything back, lone resets
-- left out. Answers to our own clients are not counted.
--
-- reads: flows, refusals, services
-- needs: action
-- param: limit bigint = 0 | rows | rows to give; 0 gives all
-- column: srcaddr varchar | | source address outside
-- column: interface_id varchar | | ENI that logged the records
-- column: dstport integer | | destination port that was accepted; 0 for ICMP, which has none
-- column: answered bigint | records | records of our side's answers; 0 when nothing came back
-- column: bytes_in bigint | bytes | bytes accepted from the source
-- column: bytes_out bigint | bytes | bytes of our side's answers
-- column: first_reject timestamptz | UTC | earliest start of the refused records, on any port
-- column: first_accept timestamptz | UTC | earliest start of the accepted records
-- column: rejected_records bigint | records | refused records of this source at this ENI
-- column: rejected_ports bigint | ports | distinct destination port numbers refused
with refused as (
    select
        srcaddr,
        interface_id,
        min(first_seen) as first_reject,
        cast(sum(records) as bigint) as rejected_records,
        count(distinct dstport) as rejected_ports
    from refusals
    where class = 'inbound' and interface_id is not null
    group by srcaddr, interface_id
),
accepted as (
    select
        flows.srcaddr,
        flows.interface_id,
        flows.dstaddr,
        flows.protocol,
        flows.srcport,
        flows.dstport,
        sum(flows.bytes) as bytes_in,
        min(flows.start_time) as first_accept
    from flows
    join refused
        on flows.srcaddr = refused.srcaddr
        and flows.interface_id = refused.interface_id
        and flows.start_time > refused.first_reject
    where flows.log_status = 'OK' and flows.action = 'ACCEPT'
    group by
        flows.srcaddr,
        flows.interface_id,
        flows.dstaddr,
        flows.protocol,
        flows.srcport,
        flows.dstport
),
requests as (
    select
        accepted.srcaddr,
        accepted.interface_id,
        accepted.dstaddr,
        accepted.protocol,
        accepted.srcport,
        accepted.dstport,
        accepted.bytes_in,
        accepted.first_accept
    from accepted
    left join services as answering
        on answering.port = accepted.srcport
        and answering.protocol = accepted.protocol
        and answering.service
    left join services as probed
        on probed.port = accepted.dstport
        and probed.protocol = accepted.protocol
        and probed.probed
    where answering.port is null or accepted.dstport < 32768 or probed.port is not null
),
replies as (
    select
        requests.srcaddr,
        requests.interface_id,
        requests.dstaddr,
        requests.protocol,
        requests.srcport,
        requests.dstport,
        count(*) filter (
            where
                flows.bytes > 0
                and (
                    flows.tcp_flags is null
                    or flows.protocol <> 6
                    or (flows.tcp_flags & 4) = 0
                    or (flows.tcp_flags & 18) = 18
                    or flows.bytes > flows.packets * 60
                )
        ) as answered,
        count(*) filter (where flows.protocol = 6 and (flows.tcp_flags & 18) = 2) as opened,
        sum(flows.bytes) as bytes_out
    from flows
    join requests
        on flows.interface_id = requests.interface_id
        and flows.dstaddr = requests.srcaddr
        and flows.srcaddr = requests.dstaddr
        and flows.protocol = requests.protocol
        and flows.dstport = requests.srcport
        and flows.srcport = requests.dstport
    where
        flows.log_status = 'OK'
        and flows.action = 'ACCEPT'
        and flows.end_time >= requests.first_accept
    group by
        requests.srcaddr,
        requests.interface_id,
        requests.dstaddr,
        requests.protocol,
        requests.srcport,
        requests.dstport
),
sessions as (
    select
        requests.srcaddr,
        requests.interface_id,
        requests.dstport,
        cast(sum(coalesce(replies.answered, 0)) as bigint) as answered,
        cast(sum(requests.bytes_in) as bigint) as bytes_in,
        cast(sum(coalesce(replies.bytes_out, 0)) as bigint) as bytes_out,
        min(requests.first_accept) as first_accept
    from requests
    left join replies
        on replies.srcaddr = requests.srcaddr
        and replies.interface_id = requests.interface_id
        and replies.dstaddr = requests.dstaddr
        and replies.protocol = requests.protocol
        and replies.srcport = requests.srcport
        and replies.dstport = requests.dstport
    where coalesce(replies.opened, 0) = 0
    group by requests.srcaddr, requests.interface_id, requests.dstport
)
select
    sessions.srcaddr,
    sessions.interface_id,
    sessions.dstport,
    sessions.answered,
    sessions.bytes_in,
    sessions.bytes_out,
    refused.first_reject,
    sessions.first_accept,
    refused.rejected_records,
    refused.rejected_ports
from sessions
join refused
    on refused.srcaddr = sessions.srcaddr
    and refused.interface_id = sessions.interface_id
order by
    case when sessions.answered > 0 then 0 else 1 end,
    sessions.bytes_out desc,
    sessions.srcaddr,
    sessions.interface_id,
    sessions.dstport
limit $limit
