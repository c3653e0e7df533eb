-- Connections that a SYN opened and nothing but resets came back for. Judged at the same ENI and
-- within a minute: nobody listens there, or the way is closed, or it is a flood. A refused answer is
-- none, one without flags is one; lost records (SKIPDATA) look the same. By how many went unanswered.
-- Records that name no ENI: each transit gateway, VPC or account for itself.
--
-- reads: flows
-- needs: tcp_flags, protocol, srcaddr, dstaddr, srcport, dstport, start_time, end_time
-- param: limit bigint = 0 | rows | rows to give; 0 gives all
-- column: interface_id varchar | | ENI that logged the records; null in transit gateway records
-- column: client varchar | | address that opened
-- column: server varchar | | address that it opened to
-- column: port integer | | the server's port
-- column: unanswered bigint | records | opening records that no SYN-ACK or traffic came back for
-- column: records bigint | records | all opening records, the answered ones too
-- column: rejected bigint | records | of the unanswered, refused
-- column: reset bigint | records | of the unanswered, those that a reset came back for
-- column: first_seen timestamptz | UTC | earliest start of the unanswered
-- column: last_seen timestamptz | UTC | latest end of the unanswered
with opened as (
    select
        interface_id,
        case when interface_id is null then coalesce(tgw_id, vpc_id, account_id) end as network,
        srcaddr,
        dstaddr,
        srcport,
        dstport,
        start_time,
        end_time,
        max((tcp_flags & 1) = 1) as finished,
        count(*) as records,
        count(*) filter (where action = 'REJECT') as rejected
    from flows
    where log_status = 'OK' and protocol = 6 and (tcp_flags & 18) = 2
    group by
        interface_id,
        case when interface_id is null then coalesce(tgw_id, vpc_id, account_id) end,
        srcaddr,
        dstaddr,
        srcport,
        dstport,
        start_time,
        end_time
),
returned as (
    select
        interface_id,
        case when interface_id is null then coalesce(tgw_id, vpc_id, account_id) end as network,
        srcaddr,
        dstaddr,
        srcport,
        dstport,
        start_time,
        end_time,
        (tcp_flags & 4) = 4
            and (tcp_flags & 18) <> 18
            and coalesce(bytes <= packets * 60, true) as lone_reset
    from flows
    where log_status = 'OK' and protocol = 6 and action is distinct from 'REJECT'
),
matched as (
    select
        opened.interface_id,
        opened.network,
        opened.srcaddr,
        opened.dstaddr,
        opened.srcport,
        opened.dstport,
        opened.start_time,
        opened.end_time,
        count(*) filter (where coalesce(returned.lone_reset, false)) as resets,
        count(*) filter (where not coalesce(returned.lone_reset, false)) as answers
    from returned
    join opened
        on returned.srcport = opened.dstport
        and returned.dstport = opened.srcport
        and returned.srcaddr = opened.dstaddr
        and returned.dstaddr = opened.srcaddr
        and returned.interface_id is not distinct from opened.interface_id
        and returned.network is not distinct from opened.network
        and returned.end_time >= opened.start_time
        and cast(epoch(returned.start_time) as bigint)
            - cast(epoch(opened.end_time) as bigint) <= 60
    group by
        opened.interface_id,
        opened.network,
        opened.srcaddr,
        opened.dstaddr,
        opened.srcport,
        opened.dstport,
        opened.start_time,
        opened.end_time
),
judged as (
    select
        opened.interface_id,
        opened.network,
        opened.srcaddr,
        opened.dstaddr,
        opened.dstport,
        opened.start_time,
        opened.end_time,
        opened.records,
        opened.rejected,
        coalesce(matched.resets, 0) > 0 as was_reset,
        coalesce(matched.answers, 0) = 0 and not opened.finished as is_unanswered
    from opened
    left join matched
        on matched.srcport = opened.srcport
        and matched.dstport = opened.dstport
        and matched.srcaddr = opened.srcaddr
        and matched.dstaddr = opened.dstaddr
        and matched.interface_id is not distinct from opened.interface_id
        and matched.network is not distinct from opened.network
        and matched.start_time = opened.start_time
        and matched.end_time = opened.end_time
),
pairs as (
    select
        interface_id,
        network,
        srcaddr as client,
        dstaddr as server,
        dstport as port,
        sum(case when is_unanswered then records else 0 end) as unanswered,
        sum(records) as records,
        sum(case when is_unanswered then rejected else 0 end) as rejected,
        sum(case when is_unanswered and was_reset then records else 0 end) as reset,
        min(case when is_unanswered then start_time end) as first_seen,
        max(case when is_unanswered then end_time end) as last_seen
    from judged
    group by interface_id, network, srcaddr, dstaddr, dstport
)
select
    interface_id,
    client,
    server,
    port,
    cast(unanswered as bigint) as unanswered,
    cast(records as bigint) as records,
    cast(rejected as bigint) as rejected,
    cast(reset as bigint) as reset,
    first_seen,
    last_seen
from pairs
where unanswered > 0
order by unanswered desc, interface_id, client, server, port, network
limit $limit
