-- Rejected traffic by source address.
--
-- reads: flows
-- needs: action, srcaddr
-- param: limit bigint = 0 | rows | rows to give; 0 gives all
-- column: srcaddr varchar | | source address
-- column: records bigint | records | rejected flow-log records
-- column: packets bigint | packets | packets of these records
-- column: bytes bigint | bytes | bytes of these records
-- column: ports bigint | ports | distinct destination port numbers; ICMP logs port 0
-- column: enis bigint | ENIs | distinct ENIs that logged them
-- column: first_seen timestamptz | UTC | earliest start
-- column: last_seen timestamptz | UTC | latest end
select
    srcaddr,
    count(*) as records,
    cast(sum(packets) as bigint) as packets,
    cast(sum(bytes) as bigint) as bytes,
    count(distinct dstport) as ports,
    count(distinct interface_id) as enis,
    min(start_time) as first_seen,
    max(end_time) as last_seen
from flows
where log_status = 'OK' and action = 'REJECT'
group by srcaddr
order by records desc, srcaddr
limit $limit
