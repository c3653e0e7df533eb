-- What our own side sent, by day: connections that it opened, and answers that it gave. A part of the
-- state: it holds rows of the flows beside those of earlier states, so a key may have several.
-- Our own side opened a connection if it sent the SYN; without flags, if its port is not the lower
-- one, and not a commonly probed one that talks to a port of no service. A packet of headers alone
-- (40 bytes, 60 for IPv6) is a reset or no answer: a SYN-ACK is longer, by its options. The peer's
-- port is kept where it takes part in that question, and null elsewhere.
--
-- reads: sides, services
-- param: limit bigint = 0 | rows | rows to give; 0 gives all
-- column: day bigint | days | day of the records' start, since 1970-01-01
-- column: interface_id varchar | | ENI that logged the records
-- column: address varchar | | our own address
-- column: protocol integer | | IANA protocol number
-- column: port integer | | our own side's port
-- column: peer varchar | | the other side's address
-- column: peer_port integer | | the peer's port, where it is not above our own; else null
-- column: opened bigint | records | accepted records that open a connection
-- column: opened_first timestamptz | UTC | earliest start of these
-- column: opened_last timestamptz | UTC | latest start of these
-- column: syn_acks bigint | records | accepted records with a SYN-ACK
-- column: answers bigint | records | accepted records that say something: no lone resets
-- column: answered_first timestamptz | UTC | earliest start of these
-- column: bytes bigint | bytes | bytes of all accepted records
with sent as (
    select
        sides.day,
        sides.interface_id,
        sides.address,
        sides.protocol,
        sides.port,
        sides.peer,
        case when sides.peer_port <= sides.port then sides.peer_port end as peer_port,
        case
            when sides.tcp_flags is not null then (sides.tcp_flags & 18) = 2
            else sides.peer_port <= sides.port and (probed.port is null or asked.port is not null)
        end as opening,
        coalesce((sides.tcp_flags & 18) = 18, false) as syn_ack,
        case
            when sides.gateway then false
            when sides.protocol <> 6 then sides.bytes > 0
            when sides.tcp_flags is null
                then sides.bytes
                    > sides.packets * case when sides.address like '%:%' then 60 else 40 end
            else
                sides.bytes > sides.packets * 60
                or (sides.tcp_flags & 18) = 18
                or (sides.bytes > 0 and (sides.tcp_flags & 4) = 0)
        end as answer,
        sides.bytes,
        sides.start_time
    from sides
    left join services as probed
        on probed.port = sides.port
        and probed.protocol = sides.protocol
        and probed.probed
    left join services as asked
        on asked.port = sides.peer_port
        and asked.protocol = sides.protocol
        and asked.service
    where not sides.inward and not sides.refused
)
select
    day,
    interface_id,
    address,
    protocol,
    port,
    peer,
    peer_port,
    count(*) filter (where opening) as opened,
    min(case when opening then start_time end) as opened_first,
    max(case when opening then start_time end) as opened_last,
    count(*) filter (where syn_ack) as syn_acks,
    count(*) filter (where answer) as answers,
    min(case when answer then start_time end) as answered_first,
    cast(sum(bytes) as bigint) as bytes
from sent
group by day, interface_id, address, protocol, port, peer, peer_port
order by day, interface_id, address, protocol, port, peer, peer_port
limit $limit
