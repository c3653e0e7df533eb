-- What each peer did at each of our targets (ENI, address, protocol, port), by day.
-- What answered a connection that our own side opened, on that day or another, is counted in a row
-- without a target. Where both have the same port, or neither has one, who came first opened it; what
-- was refused within the same second is taken for the answer.
--
-- reads: inward, outward, evidence
-- param: limit bigint = 0 | rows | rows to give; 0 gives all
-- column: day bigint | days | day of the records' start, since 1970-01-01
-- column: srcaddr varchar | | the peer
-- column: inside boolean | | the peer is one of our own addresses
-- column: interface_id varchar | | ENI that logged the records
-- column: dstaddr varchar | | our own address
-- column: protocol integer | | IANA protocol number
-- column: dstport integer | | our own side's port; 0 for ICMP, which has none
-- column: srcport integer | | the peer's port, where it is not above our own; else null
-- column: records bigint | records | records from the peer
-- column: opens bigint | records | of these, the peer opened something
-- column: unsure bigint | records | of these, an opening unless the peer uses this one port alone
-- column: strays bigint | records | of these, neither an opening nor an answer to one of ours
-- column: returns bigint | records | of these, answers to a connection that our own side opened
-- column: flagged bigint | records | of these, with TCP flags
-- column: refused bigint | records | of these, refused
-- column: heavy bigint | records | of these, accepted and as heavy as a session's
-- column: half_open bigint | records | of these, accepted, few packets, SYN and RST as far as flags tell
-- column: bytes_in bigint | bytes | bytes accepted from the peer
-- column: refused_packets bigint | packets | packets refused
-- column: refused_bytes bigint | bytes | bytes refused
-- column: least_srcport integer | | lowest port of the peer
-- column: most_srcport integer | | highest port of the peer
-- column: first_seen timestamptz | UTC | earliest start
-- column: last_seen timestamptz | UTC | latest end
with received as (
    select
        day,
        peer,
        max(inside) as inside,
        interface_id,
        address,
        protocol,
        port,
        peer_port,
        sum(records) as records,
        sum(syns) as syns,
        sum(opens) as opens,
        sum(unsure) as unsure,
        sum(flagged) as flagged,
        sum(refused) as refused,
        sum(heavy) as heavy,
        sum(half_open) as half_open,
        sum(bytes) as bytes,
        sum(refused_packets) as refused_packets,
        sum(refused_bytes) as refused_bytes,
        min(least_port) as least_port,
        max(most_port) as most_port,
        min(first_seen) as first_seen,
        max(last_start) as last_start,
        max(last_seen) as last_seen
    from inward
    group by day, peer, interface_id, address, protocol, port, peer_port
),
openings as (
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
    from outward
    where opened > 0
    group by day, peer, interface_id, address, protocol, port, peer_port
),
returned as (
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
),
told as (
    select
        received.day,
        received.peer,
        received.inside,
        received.interface_id,
        received.address,
        received.protocol,
        received.port,
        received.peer_port,
        cast(received.records as bigint) as records,
        cast(received.syns + received.opens as bigint) as opens,
        cast(received.unsure as bigint) as unsure,
        cast(received.flagged as bigint) as flagged,
        cast(received.refused as bigint) as refused,
        cast(received.heavy as bigint) as heavy,
        cast(received.half_open as bigint) as half_open,
        cast(received.bytes - received.refused_bytes as bigint) as bytes_in,
        cast(received.refused_packets as bigint) as refused_packets,
        cast(received.refused_bytes as bigint) as refused_bytes,
        received.least_port,
        received.most_port,
        received.first_seen,
        received.last_seen,
        returned.day is not null as is_return
    from received
    left join returned
        on returned.day = received.day
        and returned.peer = received.peer
        and returned.interface_id is not distinct from received.interface_id
        and returned.address = received.address
        and returned.protocol = received.protocol
        and returned.port = received.port
        and returned.peer_port is not distinct from received.peer_port
)
select
    day,
    peer as srcaddr,
    inside,
    interface_id,
    address as dstaddr,
    protocol,
    port as dstport,
    peer_port as srcport,
    records,
    opens,
    unsure,
    records - opens - unsure as strays,
    cast(0 as bigint) as returns,
    flagged,
    refused,
    heavy,
    half_open,
    bytes_in,
    refused_packets,
    refused_bytes,
    least_port as least_srcport,
    most_port as most_srcport,
    first_seen,
    last_seen
from told
where not is_return
union all
select
    day,
    peer as srcaddr,
    max(inside) as inside,
    null as interface_id,
    null as dstaddr,
    null as protocol,
    null as dstport,
    null as srcport,
    cast(sum(records) as bigint) as records,
    cast(0 as bigint) as opens,
    cast(0 as bigint) as unsure,
    cast(0 as bigint) as strays,
    cast(sum(records) as bigint) as returns,
    cast(sum(flagged) as bigint) as flagged,
    cast(sum(refused) as bigint) as refused,
    cast(0 as bigint) as heavy,
    cast(0 as bigint) as half_open,
    cast(sum(bytes_in) as bigint) as bytes_in,
    cast(sum(refused_packets) as bigint) as refused_packets,
    cast(sum(refused_bytes) as bigint) as refused_bytes,
    min(least_port) as least_srcport,
    max(most_port) as most_srcport,
    min(first_seen) as first_seen,
    max(last_seen) as last_seen
from told
where is_return
group by day, peer
order by day, srcaddr, interface_id, dstaddr, protocol, dstport, srcport
limit $limit
