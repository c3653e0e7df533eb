-- What our own hosts only pass on: they call the same ports that others of ours call at them, three
-- or more of them, as a NAT gateway does. Who calls so is judged at an ENI of its own.
--
-- reads: exchanges, evidence
-- param: limit bigint = 0 | rows | rows to give; 0 gives all
-- column: peer varchar | | address of the host
-- column: interface_id varchar | | its ENI
-- column: protocol integer | | IANA protocol number
-- column: port integer | | port that it is called at, and calls
with calls as (
    select distinct peer, interface_id, protocol, port
    from exchanges
    where called is not null and records > 0
),
called as (
    select address, interface_id, protocol, port
    from exchanges
    where called is null and inside
    group by address, interface_id, protocol, port
    having sum(records - refused) > 0 and sum(syns + opens + unsure) > 0
),
both_ways as (
    select calls.peer, calls.interface_id, calls.protocol, calls.port
    from calls
    join called
        on called.address = calls.peer
        and called.interface_id is not distinct from calls.interface_id
        and called.protocol = calls.protocol
        and called.port = calls.port
),
gateways as (
    select both_ways.peer, both_ways.interface_id
    from both_ways
    cross join evidence
    group by both_ways.peer, both_ways.interface_id
    having count(*) >= max(evidence.own_passed_ports)
)
select both_ways.peer, both_ways.interface_id, both_ways.protocol, both_ways.port
from both_ways
join gateways
    on gateways.peer = both_ways.peer
    and gateways.interface_id is not distinct from both_ways.interface_id
order by both_ways.peer, both_ways.interface_id, both_ways.protocol, both_ways.port
limit $limit
