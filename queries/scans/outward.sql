-- What our own side sent, by day: connections that it opened, and answers that it gave.
-- Our own side opened a connection if it sent the SYN; without flags, if its port is not the lower
-- one. A packet of headers alone (40 bytes, 60 for IPv6) is a reset or no answer: a SYN-ACK is longer,
-- by its options. The peer's port is kept where it takes part in that question, and null elsewhere.
--
-- reads: sides
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
-- column: bytes bigint | bytes | bytes of all accepted records
with sent as (
    select
        day,
        interface_id,
        address,
        protocol,
        port,
        peer,
        case when peer_port <= port then peer_port end as peer_port,
        case
            when tcp_flags is not null then (tcp_flags & 18) = 2
            else peer_port <= port
        end as opening,
        coalesce((tcp_flags & 18) = 18, false) as syn_ack,
        case
            when protocol <> 6 then bytes > 0
            when tcp_flags is null
                then bytes > packets * case when address like '%:%' then 60 else 40 end
            else
                bytes > packets * 60
                or (tcp_flags & 18) = 18
                or (bytes > 0 and (tcp_flags & 4) = 0)
        end as answer,
        bytes,
        start_time
    from sides
    where not inward and not refused
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
    cast(sum(bytes) as bigint) as bytes
from sent
group by day, interface_id, address, protocol, port, peer, peer_port
order by day, interface_id, address, protocol, port, peer, peer_port
limit $limit
