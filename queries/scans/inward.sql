-- What each peer sent to our own side, by day and target (ENI, address, protocol, port): a part of the
-- state. It holds rows of the flows beside those of earlier states, so a key may have several.
-- Without flags, what comes from a service's port to one that nobody probes is an answer, though the
-- port be below 1024: spoofed floods have any. The peer's port is kept where our own side may have
-- opened the connection, and null elsewhere.
--
-- reads: sides, services, evidence
-- param: limit bigint = 0 | rows | rows to give; 0 gives all
-- column: day bigint | days | day of the records' start, since 1970-01-01
-- column: peer varchar | | the other side's address
-- column: inside boolean | | the peer is one of our own addresses
-- column: interface_id varchar | | ENI that logged the records
-- column: address varchar | | our own address
-- column: protocol integer | | IANA protocol number
-- column: port integer | | our own side's port; 0 for ICMP, which has none
-- column: peer_port integer | | the peer's port, where it is not above our own; else null
-- column: records bigint | records | records from the peer
-- column: syns bigint | records | of these, with flags that say that the peer opened something
-- column: opens bigint | records | of these, by other signs an opening, unless it is an answer
-- column: unsure bigint | records | of these, an opening unless the peer uses this one port alone
-- column: flagged bigint | records | of these, with TCP flags
-- column: refused bigint | records | of these, refused
-- column: heavy bigint | records | of these, accepted and as heavy as a session's
-- column: half_open bigint | records | of these, accepted, few packets, SYN and RST as far as flags tell
-- column: bytes bigint | bytes | bytes of all records
-- column: refused_packets bigint | packets | packets refused
-- column: refused_bytes bigint | bytes | bytes refused
-- column: least_port integer | | lowest port of the peer
-- column: most_port integer | | highest port of the peer
-- column: first_seen timestamptz | UTC | earliest start
-- column: last_start timestamptz | UTC | latest start
-- column: last_seen timestamptz | UTC | latest end
with seen as (
    select
        sides.day,
        sides.peer,
        sides.inside,
        sides.interface_id,
        sides.address,
        sides.protocol,
        sides.port,
        case when sides.peer_port <= sides.port then sides.peer_port end as paired_port,
        sides.peer_port,
        sides.refused,
        sides.tcp_flags,
        sides.packets,
        sides.bytes,
        sides.start_time,
        sides.end_time,
        not sides.refused
            and sides.packets >= evidence.session_packets
            and sides.bytes > evidence.session_packet_bytes * sides.packets as heavy,
        case
            when sides.tcp_flags is not null
                then case when (sides.tcp_flags & 18) = 2 then 'syn' else 'stray' end
            when sides.protocol not in (6, 17) or probed.port is not null then 'open'
            when sides.protocol = 17
                then case
                    when sides.peer_port in (53, 123, 443, 1900, 11211) then 'stray'
                    else 'open'
                end
            when answering.port is not null then 'stray'
            when sides.port < 1024 then 'open'
            else 'unsure'
        end as kind
    from sides
    cross join evidence
    left join services as probed
        on probed.port = sides.port
        and probed.protocol = sides.protocol
        and (probed.probed or probed.port < 1024)
    left join services as answering
        on answering.port = sides.peer_port
        and answering.protocol = sides.protocol
        and answering.service
    where sides.inward
)
select
    seen.day,
    seen.peer,
    seen.inside,
    seen.interface_id,
    seen.address,
    seen.protocol,
    seen.port,
    seen.paired_port as peer_port,
    count(*) as records,
    count(*) filter (where seen.kind = 'syn') as syns,
    count(*) filter (where seen.kind = 'open') as opens,
    count(*) filter (where seen.kind = 'unsure') as unsure,
    count(*) filter (where seen.tcp_flags is not null) as flagged,
    count(*) filter (where seen.refused) as refused,
    count(*) filter (where seen.heavy) as heavy,
    count(*) filter (
        where
            not seen.refused
            and seen.packets <= evidence.half_open_packets
            and (
                (seen.tcp_flags & 6) = 6
                or (seen.tcp_flags is null and seen.protocol = 6)
            )
    ) as half_open,
    cast(sum(seen.bytes) as bigint) as bytes,
    cast(sum(case when seen.refused then seen.packets else 0 end) as bigint) as refused_packets,
    cast(sum(case when seen.refused then seen.bytes else 0 end) as bigint) as refused_bytes,
    min(seen.peer_port) as least_port,
    max(seen.peer_port) as most_port,
    min(seen.start_time) as first_seen,
    max(seen.start_time) as last_start,
    max(seen.end_time) as last_seen
from seen
cross join evidence
group by
    seen.day,
    seen.peer,
    seen.inside,
    seen.interface_id,
    seen.address,
    seen.protocol,
    seen.port,
    seen.paired_port
order by day, peer, inside, interface_id, address, protocol, port, peer_port
limit $limit
