-- Egress traffic by the path that it takes out of its ENI, and action.
--
-- reads: flows
-- needs: traffic_path
-- param: limit bigint = 0 | rows | rows to give; 0 gives all
-- column: traffic_path integer | | the path's number; null where egress was logged without one
-- column: path varchar | | the path in words; null for a number without known words
-- column: action varchar | | ACCEPT or REJECT
-- column: records bigint | records | flow-log records with egress traffic
-- column: packets bigint | packets | packets of these records
-- column: bytes bigint | bytes | bytes of these records
-- column: enis bigint | ENIs | distinct ENIs that logged them
-- column: destinations bigint | addresses | distinct destination addresses
-- column: first_seen timestamptz | UTC | earliest start
-- column: last_seen timestamptz | UTC | latest end
select
    traffic_path,
    case traffic_path
        when 1 then 'another resource in the VPC'
        when 2 then 'internet gateway or gateway endpoint'
        when 3 then 'virtual private gateway'
        when 4 then 'peering in the region'
        when 5 then 'peering between regions'
        when 6 then 'local gateway'
        when 7 then 'gateway VPC endpoint'
        when 8 then 'internet gateway'
    end as path,
    action,
    count(*) as records,
    cast(sum(packets) as bigint) as packets,
    cast(sum(bytes) as bigint) as bytes,
    count(distinct interface_id) as enis,
    count(distinct dstaddr) as destinations,
    min(start_time) as first_seen,
    max(end_time) as last_seen
from flows
where
    log_status = 'OK'
    and (
        traffic_path is not null
        or (flow_direction = 'egress' and interface_id is not null)
    )
group by traffic_path, action
order by records desc, traffic_path, action
limit $limit
