-- Traffic by subnet, direction and action. What two ENIs say to each other is logged, and counted,
-- at each of them.
--
-- reads: flows, enis
-- needs: subnet_id
-- param: limit bigint = 0 | rows | rows to give; 0 gives all
-- column: vpc_id varchar | | VPC of the ENIs; null where it is not logged
-- column: subnet_id varchar | | subnet of the ENIs; null where it is not logged
-- column: direction varchar | | ingress or egress, as what logged it sees it; null where unproven
-- column: action varchar | | ACCEPT or REJECT; null in transit gateway records
-- column: records bigint | records | flow-log records with traffic
-- column: packets bigint | packets | packets of these records
-- column: bytes bigint | bytes | bytes of these records
-- column: enis bigint | ENIs | distinct ENIs that logged them
-- column: first_seen timestamptz | UTC | earliest start
-- column: last_seen timestamptz | UTC | latest end
with directed as (
    select
        flows.vpc_id,
        flows.subnet_id,
        case
            when flows.flow_direction is not null then flows.flow_direction
            when flows.srcaddr = flows.dstaddr then null
            when flows.srcaddr in (enis.ipv4, enis.ipv6) then 'egress'
            when flows.dstaddr in (enis.ipv4, enis.ipv6) then 'ingress'
        end as direction,
        flows.action,
        flows.packets,
        flows.bytes,
        flows.interface_id,
        flows.start_time,
        flows.end_time
    from flows
    left join enis
        on enis.interface_id = flows.interface_id
        and enis.account_id is not distinct from flows.account_id
    where flows.log_status = 'OK'
)
select
    vpc_id,
    subnet_id,
    direction,
    action,
    count(*) as records,
    cast(sum(packets) as bigint) as packets,
    cast(sum(bytes) as bigint) as bytes,
    count(distinct interface_id) as enis,
    min(start_time) as first_seen,
    max(end_time) as last_seen
from directed
group by vpc_id, subnet_id, direction, action
order by records desc, vpc_id, subnet_id, direction, action
limit $limit
