-- What each peer did at each of our targets, by day: the state from which scanners are judged.
-- A row is a target (ENI, address, protocol, port), and adds up with the rows of other days. What
-- answered a connection that our own side opened on that day is counted in a row without a target.
-- srcport is kept where such a connection may yet be found on another day.
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
-- column: srcport integer | | the peer's port, where our own side may have opened the connection
-- column: records bigint | records | records from the peer
-- column: opens bigint | records | of these, the peer opened something
-- column: unsure bigint | records | of these, an opening unless the peer uses this one port alone
-- column: strays bigint | records | of these, neither an opening nor an answer to one of ours
-- column: returns bigint | records | of these, answers to a connection that our own side opened
-- column: flagged bigint | records | of these, with TCP flags
-- column: refused bigint | records | of these, refused
-- column: heavy bigint | records | of these, accepted and as heavy as a session's
-- column: half_open bigint | records | of these, accepted, few packets, SYN and RST as far as flags tell
-- column: syn_acks bigint | records | our own side's records with a SYN-ACK
-- column: answers bigint | records | our own side's records that say something
-- column: bytes_in bigint | bytes | bytes accepted from the peer
-- column: bytes_out bigint | bytes | bytes of our own side's records
-- column: refused_packets bigint | packets | packets refused
-- column: refused_bytes bigint | bytes | bytes refused
-- column: least_srcport integer | | lowest port of the peer
-- column: most_srcport integer | | highest port of the peer
-- column: first_seen timestamptz | UTC | earliest start
-- column: last_seen timestamptz | UTC | latest end
with paired as (
    select
        inward.day,
        inward.peer,
        inward.inside,
        inward.interface_id,
        inward.address,
        inward.protocol,
        inward.port,
        case when inward.syns = 0 then inward.peer_port end as peer_port,
        inward.records,
        inward.syns + inward.opens as opens,
        inward.unsure,
        inward.flagged,
        inward.refused,
        inward.heavy,
        inward.half_open,
        coalesce(outward.syn_acks, 0) as syn_acks,
        coalesce(outward.answers, 0) as answers,
        inward.bytes - inward.refused_bytes as bytes_in,
        coalesce(outward.bytes, 0) as bytes_out,
        inward.refused_packets,
        inward.refused_bytes,
        inward.least_port,
        inward.most_port,
        inward.first_seen,
        inward.last_seen,
        coalesce(
            inward.syns = 0
            and outward.opened > 0
            and cast(epoch(outward.opened_first) as bigint)
                <= cast(epoch(inward.last_start) as bigint) + evidence.opened_after
            and (
                outward.peer_port < outward.port
                or outward.peer_port is null
                or outward.opened_first <= inward.first_seen
            ),
            false
        ) as returned
    from inward
    cross join evidence
    left join outward
        on outward.day = inward.day
        and outward.peer = inward.peer
        and outward.interface_id is not distinct from inward.interface_id
        and outward.address = inward.address
        and outward.protocol = inward.protocol
        and outward.port = inward.port
        and outward.peer_port is not distinct from inward.peer_port
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
    syn_acks,
    answers,
    bytes_in,
    bytes_out,
    refused_packets,
    refused_bytes,
    least_port as least_srcport,
    most_port as most_srcport,
    first_seen,
    last_seen
from paired
where not returned
union all
select
    day,
    peer as srcaddr,
    inside,
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
    cast(0 as bigint) as syn_acks,
    cast(0 as bigint) as answers,
    cast(sum(bytes_in) as bigint) as bytes_in,
    cast(sum(bytes_out) as bigint) as bytes_out,
    cast(sum(refused_packets) as bigint) as refused_packets,
    cast(sum(refused_bytes) as bigint) as refused_bytes,
    min(least_port) as least_srcport,
    max(most_port) as most_srcport,
    min(first_seen) as first_seen,
    max(last_seen) as last_seen
from paired
where returned
group by day, peer, inside
order by day, srcaddr, inside, interface_id, dstaddr, protocol, dstport, srcport
limit $limit
