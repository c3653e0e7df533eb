-- Sessions that each peer opened, by day: TCP connections that were accepted and carried data.
-- A connection is told by its SYN where the log has flags, else by its 5-tuple.
--
-- reads: sides, evidence
-- param: limit bigint = 0 | rows | rows to give; 0 gives all
-- column: day bigint | days | day of the records' start, since 1970-01-01
-- column: srcaddr varchar | | the peer
-- column: sessions bigint | sessions | sessions
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
)
select day, peer as srcaddr, count(*) as sessions
from carried
group by day, peer
order by day, srcaddr
limit $limit
