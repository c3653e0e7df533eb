-- Connections that were reset, and by whom.
-- The side that listens is the one that a SYN went to, or a SYN-ACK came from, in any record of the
-- connection. Where none tells: the one with a commonly probed port, if `services` has no name for the
-- other; else the one whose port is under 1024 or 32768, if the other's is not.
-- A connection that two ENIs, or two attachments of a transit gateway, logged is counted at each.
-- Records that name no ENI: each transit gateway, VPC or account for itself.
--
-- reads: flows, services
-- needs: tcp_flags, protocol
-- param: limit bigint = 0 | rows | rows to give; 0 gives all
-- column: interface_id varchar | | ENI that logged the records; null in transit gateway records
-- column: reset_by varchar | | address that sent the reset
-- column: peer varchar | | address that it was sent to
-- column: side varchar | | who reset_by is: client, server, or unknown
-- column: port integer | | the server's port; null where the side is unknown
-- column: records bigint | records | flow-log records of reset_by with a reset
-- column: closed_port bigint | records | of these, a server's answer to a SYN without a SYN-ACK
-- column: rejected bigint | records | of these, refused: leftovers mostly
-- column: first_seen timestamptz | UTC | earliest start
-- column: last_seen timestamptz | UTC | latest end
with oriented as (
    select
        interface_id,
        case when interface_id is null then coalesce(tgw_id, vpc_id, account_id) end as network,
        srcaddr,
        dstaddr,
        srcport,
        dstport,
        coalesce(srcport < dstport, false) as from_low,
        tcp_flags & 18 as opening,
        coalesce((tcp_flags & 4) = 4, false) as reset,
        tcp_flags,
        action,
        start_time,
        end_time
    from flows
    where log_status = 'OK' and protocol = 6
),
tuples as (
    select
        interface_id,
        network,
        case when from_low then srcaddr else dstaddr end as low_addr,
        case when from_low then srcport else dstport end as low_port,
        case when from_low then dstaddr else srcaddr end as high_addr,
        case when from_low then dstport else srcport end as high_port,
        count(*) filter (
            where (from_low and opening = 18) or (not from_low and opening = 2)
        ) as low_serves,
        count(*) filter (
            where (from_low and opening = 2) or (not from_low and opening = 18)
        ) as high_serves,
        count(*) filter (where opening = 18 or tcp_flags is null) as opened_perhaps,
        count(*) filter (where reset and from_low) as low_resets,
        count(*) filter (where reset and not from_low) as high_resets,
        count(*) filter (where reset and from_low and action = 'REJECT') as low_rejected,
        count(*) filter (where reset and not from_low and action = 'REJECT') as high_rejected,
        min(case when reset and from_low then start_time end) as low_first,
        min(case when reset and not from_low then start_time end) as high_first,
        max(case when reset and from_low then end_time end) as low_last,
        max(case when reset and not from_low then end_time end) as high_last
    from oriented
    group by
        interface_id,
        network,
        case when from_low then srcaddr else dstaddr end,
        case when from_low then srcport else dstport end,
        case when from_low then dstaddr else srcaddr end,
        case when from_low then dstport else srcport end
),
told as (
    select
        tuples.interface_id,
        tuples.network,
        tuples.low_addr,
        tuples.low_port,
        tuples.high_addr,
        tuples.high_port,
        case
            when tuples.low_serves <> tuples.high_serves
                then tuples.high_serves > tuples.low_serves
            when high_probed.port is not null and low_known.port is null then true
            when tuples.low_port < 1024 and tuples.high_port >= 1024 then false
            when tuples.low_port < 32768 and tuples.high_port >= 32768 then false
        end as high_listens,
        tuples.low_serves <> tuples.high_serves and tuples.opened_perhaps = 0 as never_open,
        tuples.low_resets,
        tuples.high_resets,
        tuples.low_rejected,
        tuples.high_rejected,
        tuples.low_first,
        tuples.high_first,
        tuples.low_last,
        tuples.high_last
    from tuples
    left join services as low_known
        on low_known.port = tuples.low_port
        and low_known.protocol = 6
    left join services as high_probed
        on high_probed.port = tuples.high_port
        and high_probed.protocol = 6
        and high_probed.probed
    where tuples.low_resets + tuples.high_resets > 0
),
ends as (
    select
        told.interface_id,
        told.network,
        case when sides.is_low then told.low_addr else told.high_addr end as reset_by,
        case when sides.is_low then told.high_addr else told.low_addr end as peer,
        case
            when told.high_listens is null then 'unknown'
            when told.high_listens <> sides.is_low then 'server'
            else 'client'
        end as side,
        case
            when told.high_listens then told.high_port
            when not told.high_listens then told.low_port
        end as port,
        case when sides.is_low then told.low_resets else told.high_resets end as records,
        told.never_open,
        case when sides.is_low then told.low_rejected else told.high_rejected end as rejected,
        case when sides.is_low then told.low_first else told.high_first end as first_seen,
        case when sides.is_low then told.low_last else told.high_last end as last_seen
    from told
    cross join (
        values (true), (false)
    ) as sides (is_low)
)
select
    interface_id,
    reset_by,
    peer,
    side,
    port,
    cast(sum(records) as bigint) as records,
    cast(sum(case when side = 'server' and never_open then records else 0 end) as bigint)
        as closed_port,
    cast(sum(rejected) as bigint) as rejected,
    min(first_seen) as first_seen,
    max(last_seen) as last_seen
from ends
where records > 0
group by interface_id, network, reset_by, peer, side, port
order by records desc, interface_id, reset_by, peer, side, port, network
limit $limit
