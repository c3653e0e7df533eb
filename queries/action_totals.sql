-- Totals by action: how much was accepted, how much refused.
--
-- reads: flows
-- param: limit bigint = 0 | rows | rows to give; 0 gives all
-- column: action varchar | | ACCEPT or REJECT; null in transit gateway records
-- column: records bigint | records | flow-log records with traffic
-- column: packets bigint | packets | packets of these records
-- column: bytes bigint | bytes | bytes of these records
-- column: enis bigint | ENIs | distinct ENIs that logged them
-- column: sources bigint | addresses | distinct source addresses
select
    action,
    count(*) as records,
    cast(sum(packets) as bigint) as packets,
    cast(sum(bytes) as bigint) as bytes,
    count(distinct interface_id) as enis,
    count(distinct srcaddr) as sources
from flows
where log_status = 'OK'
group by action
order by records desc, action
limit $limit
