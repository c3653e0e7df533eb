-- Rejected traffic by ENI, protocol and destination port.
--
-- reads: flows
-- needs: action
-- param: limit bigint = 0 | rows | rows to give; 0 gives all
-- column: interface_id varchar | | ENI that logged the records
-- column: protocol integer | | IANA protocol number
-- column: dstport integer | | destination port; 0 for ICMP, which has none
-- column: records bigint | records | rejected flow-log records
-- column: packets bigint | packets | packets of these records
-- column: bytes bigint | bytes | bytes of these records
-- column: sources bigint | addresses | distinct source addresses
-- column: first_seen timestamptz | UTC | earliest start
-- column: last_seen timestamptz | UTC | latest end
select
    interface_id,
    protocol,
    dstport,
    count(*) as records,
    cast(sum(packets) as bigint) as packets,
    cast(sum(bytes) as bigint) as bytes,
    count(distinct srcaddr) as sources,
    min(start_time) as first_seen,
    max(end_time) as last_seen
from flows
where log_status = 'OK' and action = 'REJECT'
group by interface_id, protocol, dstport
order by records desc, interface_id, protocol, dstport
limit $limit
