-- Sessions that each peer opened, by day: TCP connections that were accepted and carried data. A part
-- of the state: of a peer and day, as many are kept as earn it trust, the same ones in any order.
-- A connection is told by its SYN where the log has flags, else by its 5-tuple.
--
-- reads: sides, evidence
-- param: limit bigint = 0 | rows | rows to give; 0 gives all
-- column: day bigint | days | day of the records' start, since 1970-01-01
-- column: srcaddr varchar | | the peer
-- column: interface_id varchar | | ENI that logged the records
-- column: dstaddr varchar | | our own address
-- column: dstport integer | | our own side's port
-- column: srcport integer | | the peer's port
with carried as (
    select distinct
        sides.day,
        sides.peer,
        sides.interface_id,
        sides.address,
        sides.port,
        sides.peer_port
    from sides
    cross join evidence
    where
        sides.inward
        and not sides.refused
        and sides.protocol = 6
        and sides.packets >= evidence.session_packets
        and sides.bytes > evidence.session_packet_bytes * sides.packets
        and case
            when sides.tcp_flags is null then sides.peer_port > sides.port
            else (sides.tcp_flags & 2) = 2
        end
),
ranked as (
    select
        day,
        peer,
        interface_id,
        address,
        port,
        peer_port,
        row_number() over (
            partition by day, peer order by interface_id, address, port, peer_port
        ) as place
    from carried
)
select
    ranked.day,
    ranked.peer as srcaddr,
    ranked.interface_id,
    ranked.address as dstaddr,
    ranked.port as dstport,
    ranked.peer_port as srcport
from ranked
cross join evidence
where ranked.place <= evidence.trust_sessions
order by day, srcaddr, interface_id, dstaddr, dstport, srcport
limit $limit
