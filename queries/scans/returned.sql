-- Exchanges in which the peer answered a connection that our own side opened, on that day or another.
-- Where both have the same port, or neither has one, who came first opened it; what was refused within
-- the same second is taken for the answer.
--
-- reads: exchanges, evidence
-- param: limit bigint = 0 | rows | rows to give; 0 gives all
-- column: day bigint | days | day of the answer's start, since 1970-01-01
-- column: peer varchar | | the peer
-- column: interface_id varchar | | ENI that logged the records
-- column: address varchar | | our own address
-- column: protocol integer | | IANA protocol number
-- column: port integer | | our own side's port
-- column: peer_port integer | | the peer's port, where it is not above our own; else null
with openings as (
    select
        day,
        peer,
        interface_id,
        address,
        protocol,
        port,
        peer_port,
        min(opened_first) as first_opened,
        max(opened_last) as last_opened
    from exchanges
    where opened > 0
    group by day, peer, interface_id, address, protocol, port, peer_port
),
ends as (
    select distinct peer, interface_id, address, protocol, port, peer_port
    from openings
),
received as (
    select
        exchanges.day,
        exchanges.peer,
        exchanges.interface_id,
        exchanges.address,
        exchanges.protocol,
        exchanges.port,
        exchanges.peer_port,
        sum(exchanges.syns) as syns,
        sum(exchanges.refused) as refused,
        min(exchanges.first_seen) as first_seen,
        max(exchanges.last_start) as last_start
    from exchanges
    join ends
        on ends.peer = exchanges.peer
        and ends.interface_id is not distinct from exchanges.interface_id
        and ends.address = exchanges.address
        and ends.protocol = exchanges.protocol
        and ends.port = exchanges.port
        and ends.peer_port is not distinct from exchanges.peer_port
    where exchanges.records > 0 and exchanges.called is null
    group by
        exchanges.day,
        exchanges.peer,
        exchanges.interface_id,
        exchanges.address,
        exchanges.protocol,
        exchanges.port,
        exchanges.peer_port
)
select distinct
    received.day,
    received.peer,
    received.interface_id,
    received.address,
    received.protocol,
    received.port,
    received.peer_port
from received
cross join evidence
join openings
    on openings.peer = received.peer
    and openings.interface_id is not distinct from received.interface_id
    and openings.address = received.address
    and openings.protocol = received.protocol
    and openings.port = received.port
    and openings.peer_port is not distinct from received.peer_port
where
    received.syns = 0
    and cast(epoch(openings.first_opened) as bigint)
        <= cast(epoch(received.last_start) as bigint) + evidence.opened_after
    and cast(epoch(openings.last_opened) as bigint)
        >= cast(epoch(received.first_seen) as bigint) - evidence.opened_before
    and (
        received.peer_port < received.port
        or received.peer_port is null
        or openings.first_opened < received.first_seen
        or (openings.first_opened = received.first_seen and received.refused > 0)
    )
order by day, peer, interface_id, address, protocol, port, peer_port
limit $limit
