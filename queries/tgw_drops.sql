-- Packets that a transit gateway lost, by reason, attachment and the attachment they were for.
-- no_route: no route matched. blackhole: the route's target is gone, or drops on purpose.
-- mtu_exceeded: larger than the attachment takes. ttl_expired: too many hops, often a loop.
--
-- reads: flows
-- needs: packets_lost_no_route, packets_lost_blackhole
-- needs: packets_lost_mtu_exceeded, packets_lost_ttl_expired
-- param: limit bigint = 0 | rows | rows to give; 0 gives all
-- column: reason varchar | | no_route, blackhole, mtu_exceeded or ttl_expired
-- column: tgw_id varchar | | transit gateway
-- column: tgw_attachment_id varchar | | attachment that the record was made at
-- column: tgw_pair_attachment_id varchar | | attachment on the other side; null without a route
-- column: records bigint | records | flow-log records with such a loss
-- column: packets_lost bigint | packets | packets lost for that reason
-- column: sources bigint | addresses | distinct source addresses
-- column: destinations bigint | addresses | distinct destination addresses
-- column: first_seen timestamptz | UTC | earliest start
-- column: last_seen timestamptz | UTC | latest end
with lossy as (
    select
        tgw_id,
        tgw_attachment_id,
        tgw_pair_attachment_id,
        srcaddr,
        dstaddr,
        start_time,
        end_time,
        packets_lost_no_route,
        packets_lost_blackhole,
        packets_lost_mtu_exceeded,
        packets_lost_ttl_expired
    from flows
    where
        log_status = 'OK'
        and (
            packets_lost_no_route > 0
            or packets_lost_blackhole > 0
            or packets_lost_mtu_exceeded > 0
            or packets_lost_ttl_expired > 0
        )
),
losses as (
    select
        reasons.reason,
        lossy.tgw_id,
        lossy.tgw_attachment_id,
        lossy.tgw_pair_attachment_id,
        lossy.srcaddr,
        lossy.dstaddr,
        lossy.start_time,
        lossy.end_time,
        case reasons.reason
            when 'no_route' then lossy.packets_lost_no_route
            when 'blackhole' then lossy.packets_lost_blackhole
            when 'mtu_exceeded' then lossy.packets_lost_mtu_exceeded
            else lossy.packets_lost_ttl_expired
        end as packets_lost
    from lossy
    cross join (
        values ('no_route'), ('blackhole'), ('mtu_exceeded'), ('ttl_expired')
    ) as reasons (reason)
)
select
    reason,
    tgw_id,
    tgw_attachment_id,
    tgw_pair_attachment_id,
    count(*) as records,
    cast(sum(packets_lost) as bigint) as packets_lost,
    count(distinct srcaddr) as sources,
    count(distinct dstaddr) as destinations,
    min(start_time) as first_seen,
    max(end_time) as last_seen
from losses
where packets_lost > 0
group by reason, tgw_id, tgw_attachment_id, tgw_pair_attachment_id
order by records desc, reason, tgw_id, tgw_attachment_id, tgw_pair_attachment_id
limit $limit
