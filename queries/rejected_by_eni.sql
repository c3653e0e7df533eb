-- Rejected traffic by ENI.
--
-- reads: flows
-- needs: action
-- param: limit bigint = 0 | rows | rows to give; 0 gives all
-- column: interface_id varchar | | ENI that logged the records
-- column: records bigint | records | rejected flow-log records
-- column: packets bigint | packets | packets of these records
-- column: bytes bigint | bytes | bytes of these records
-- column: sources bigint | addresses | distinct source addresses
-- column: ports bigint | ports | distinct destination port numbers; ICMP logs port 0
select
    interface_id,
    count(*) as records,
    cast(sum(packets) as bigint) as packets,
    cast(sum(bytes) as bigint) as bytes,
    count(distinct srcaddr) as sources,
    count(distinct dstport) as ports
from flows
where log_status = 'OK' and action = 'REJECT'
group by interface_id
order by records desc, interface_id
limit $limit
