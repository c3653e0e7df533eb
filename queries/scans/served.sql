-- Services of our own that had a session with some peer, by day.
--
-- reads: contacts
-- param: limit bigint = 0 | rows | rows to give; 0 gives all
-- column: day bigint | days | day of the records' start, since 1970-01-01
-- column: interface_id varchar | | ENI that logged the records
-- column: dstaddr varchar | | our own address
-- column: protocol integer | | IANA protocol number
-- column: dstport integer | | our own side's port
select distinct day, interface_id, dstaddr, protocol, dstport
from contacts
where heavy > 0 and protocol = 6 and opens > 0 and (flagged = 0 or syn_acks > 0)
order by day, interface_id, dstaddr, protocol, dstport
limit $limit
