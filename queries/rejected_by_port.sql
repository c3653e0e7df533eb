-- Rejected traffic by protocol and destination port.
--
-- reads: flows
-- needs: action, dstport
-- param: limit bigint = 0 | rows | rows to give; 0 gives all
-- column: protocol integer | | IANA protocol number
-- column: dstport integer | | destination port; 0 for ICMP, which has none
-- column: records bigint | records | rejected flow-log records
-- column: packets bigint | packets | packets of these records
-- column: bytes bigint | bytes | bytes of these records
-- column: sources bigint | addresses | distinct source addresses
-- column: enis bigint | ENIs | distinct ENIs that logged them
select
    protocol,
    dstport,
    count(*) as records,
    cast(sum(packets) as bigint) as packets,
    cast(sum(bytes) as bigint) as bytes,
    count(distinct srcaddr) as sources,
    count(distinct interface_id) as enis
from flows
where log_status = 'OK' and action = 'REJECT'
group by protocol, dstport
order by records desc, protocol, dstport
limit $limit
