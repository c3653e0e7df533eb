-- Services of our own that had a session with some source.
--
-- reads: touched
-- param: limit bigint = 0 | rows | rows to give; 0 gives all
-- column: interface_id varchar | | ENI of the service
-- column: dstaddr varchar | | its address
-- column: protocol integer | | IANA protocol number
-- column: dstport integer | | its port
select distinct interface_id, dstaddr, protocol, dstport
from touched
where called is null and heavy > 0 and protocol = 6 and (flagged = 0 or syn_acks > 0)
order by interface_id, dstaddr, protocol, dstport
limit $limit
