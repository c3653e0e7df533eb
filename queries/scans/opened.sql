-- Connections that our own side opened, by day.
--
-- reads: outward
-- param: limit bigint = 0 | rows | rows to give; 0 gives all
-- column: day bigint | days | day of the records' start, since 1970-01-01
-- column: interface_id varchar | | ENI that logged the records
-- column: address varchar | | our own address
-- column: protocol integer | | IANA protocol number
-- column: port integer | | our own side's port
-- column: peer varchar | | the other side's address
-- column: peer_port integer | | the peer's port, where it is not above our own; else null
-- column: first_seen timestamptz | UTC | earliest start
-- column: last_seen timestamptz | UTC | latest start
select
    day,
    interface_id,
    address,
    protocol,
    port,
    peer,
    peer_port,
    opened_first as first_seen,
    opened_last as last_seen
from outward
where opened > 0
order by day, interface_id, address, protocol, port, peer, peer_port
limit $limit
