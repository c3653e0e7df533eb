-- What each peer did at each of our targets (ENI, address, protocol, port), by day, and what our own
-- side sent it; which of that answers a connection that our own side opened. Whom our own hosts call
-- stands beside it, but for what they only pass on.
--
-- reads: exchanges, returned, namesakes, passed
-- param: limit bigint = 0 | rows | rows to give; 0 gives all
-- column: day bigint | days | day of the records' start, since 1970-01-01
-- column: srcaddr varchar | | the peer; where several hosts of ours have the address, with its network
-- column: inside boolean | | the peer is one of our own addresses
-- column: interface_id varchar | | ENI that logged the records
-- column: dstaddr varchar | | our own address
-- column: protocol integer | | IANA protocol number
-- column: dstport integer | | our own side's port; 0 for ICMP, which has none
-- column: srcport integer | | the peer's port, where it is not above our own; else null
-- column: called varchar | | internal or outbound: whom our own host called, by its own ENI; else null
-- column: records bigint | records | records from the peer; of a host that calls, those that open
-- column: packets bigint | packets | packets of these
-- column: opens bigint | records | of these, the peer opened something
-- column: unsure bigint | records | of these, an opening unless the peer uses this one port alone
-- column: flagged bigint | records | of these, with TCP flags
-- column: refused bigint | records | of these, refused
-- column: returns bigint | records | of these, answers to a connection that our own side opened
-- column: heavy bigint | records | of these, accepted and as heavy as a session's
-- column: sessions bigint | records | of these, with a session's SYN; without flags, any of a session's
-- column: half_open bigint | records | of these, accepted, few packets, SYN and RST as far as flags tell
-- column: bytes_in bigint | bytes | bytes accepted from the peer
-- column: refused_packets bigint | packets | packets refused
-- column: refused_bytes bigint | bytes | bytes refused
-- column: least_srcport integer | | lowest port of the peer
-- column: most_srcport integer | | highest port of the peer
-- column: first_seen timestamptz | UTC | earliest start of the peer's records
-- column: last_seen timestamptz | UTC | latest end of these
-- column: sent bigint | records | accepted records from our own side
-- column: syn_acks bigint | records | of these, with a SYN-ACK
-- column: answers bigint | records | of these, saying something and opening nothing: no lone resets
-- column: answered_first timestamptz | UTC | earliest start of these
-- column: bytes_out bigint | bytes | bytes of our own side's records that open nothing
select
    exchanges.day,
    coalesce(namesakes.srcaddr, exchanges.peer) as srcaddr,
    exchanges.inside,
    exchanges.interface_id,
    exchanges.address as dstaddr,
    exchanges.protocol,
    exchanges.port as dstport,
    exchanges.peer_port as srcport,
    exchanges.called,
    exchanges.records,
    exchanges.packets,
    exchanges.syns + exchanges.opens as opens,
    exchanges.unsure,
    exchanges.flagged,
    exchanges.refused,
    case when returned.day is null or exchanges.called is not null then 0 else exchanges.records end
        as returns,
    exchanges.heavy,
    exchanges.sessions,
    exchanges.half_open,
    exchanges.bytes_in,
    exchanges.refused_packets,
    exchanges.refused_bytes,
    exchanges.least_port as least_srcport,
    exchanges.most_port as most_srcport,
    exchanges.first_seen,
    exchanges.last_seen,
    exchanges.sent,
    exchanges.syn_acks,
    exchanges.answers,
    exchanges.answered_first,
    exchanges.bytes_out
from exchanges
left join returned
    on returned.day = exchanges.day
    and returned.peer = exchanges.peer
    and returned.interface_id is not distinct from exchanges.interface_id
    and returned.address = exchanges.address
    and returned.protocol = exchanges.protocol
    and returned.port = exchanges.port
    and returned.peer_port is not distinct from exchanges.peer_port
left join namesakes
    on namesakes.peer = exchanges.peer
    and namesakes.interface_id is not distinct from exchanges.interface_id
    and exchanges.inside
left join passed
    on passed.peer = exchanges.peer
    and passed.interface_id is not distinct from exchanges.interface_id
    and passed.protocol = exchanges.protocol
    and passed.port = exchanges.port
    and exchanges.called is not null
where passed.peer is null
order by day, srcaddr, interface_id, dstaddr, protocol, dstport, srcport, called, records
limit $limit
