-- What each peer sent to our own side, and what our own side sent to it, by day and target (ENI,
-- address, protocol, port): the state from which scanners are judged. It holds rows of the flows
-- beside those of earlier states. Both directions have rows of their own, and states theirs: those
-- of one key add up.
-- The peer opened something if it sent the SYN. Without flags, what comes from a service's port to one
-- that nobody probes is an answer, though the port be below 1024: spoofed floods have any.
-- Our own side opened a connection if it sent the SYN; without flags, if its port is not the lower
-- one, and not a commonly probed one that talks to a port of no service. A packet of headers alone
-- (40 bytes, 60 for IPv6) is a reset or no answer: a SYN-ACK is longer, by its options.
-- The peer's port is kept where our own side may have opened the connection, and null elsewhere.
-- Whom our own hosts call is told once more, as their own ENIs saw it, in rows with `called`: there the
-- peer is our own host, the address and port are those that it called, whoever they belong to. What
-- answers are a SYN-ACK, or without flags whatever comes back, though it be refused on its way in.
-- A NAT gateway's ENI calls nobody: it passes on what others say.
--
-- reads: flows, sides, services, evidence
-- param: limit bigint = 0 | rows | rows to give; 0 gives all
-- column: day bigint | days | day of the records' start, since 1970-01-01
-- column: peer varchar | | the other side's address
-- column: inside boolean | | the peer is one of our own addresses
-- column: interface_id varchar | | ENI that logged the records
-- column: address varchar | | our own address
-- column: protocol integer | | IANA protocol number
-- column: port integer | | our own side's port; 0 for ICMP, which has none
-- column: peer_port integer | | the peer's port, where it is not above our own; else null
-- column: called varchar | | internal or outbound: whom our own host called, by its own ENI; else null
-- column: account_id varchar | | AWS account of the ENI
-- column: vpc_id varchar | | VPC of the ENI, where the log has it
-- column: records bigint | records | records from the peer; of a host that calls, those that open
-- column: packets bigint | packets | packets of these
-- column: syns bigint | records | of these, with flags that say that the peer opened something
-- column: opens bigint | records | of these, by other signs an opening, unless it is an answer
-- column: unsure bigint | records | of these, an opening unless the peer uses this one port alone
-- column: flagged bigint | records | of these, with TCP flags
-- column: refused bigint | records | of these, refused
-- column: heavy bigint | records | of these, accepted and as heavy as a session's
-- column: sessions bigint | records | of these, with a session's SYN; without flags, any of a session's
-- column: half_open bigint | records | of these, accepted, few packets, SYN and RST as far as flags tell
-- column: bytes_in bigint | bytes | bytes accepted from the peer
-- column: refused_packets bigint | packets | packets refused
-- column: refused_bytes bigint | bytes | bytes refused
-- column: least_port integer | | lowest port of the peer
-- column: most_port integer | | highest port of the peer
-- column: first_seen timestamptz | UTC | earliest start of the peer's records
-- column: last_start timestamptz | UTC | latest start of these
-- column: last_seen timestamptz | UTC | latest end of these
-- column: sent bigint | records | accepted records from our own side
-- column: opened bigint | records | of these, opening a connection
-- column: opened_first timestamptz | UTC | earliest start of these
-- column: opened_last timestamptz | UTC | latest start of these
-- column: syn_acks bigint | records | of these, with a SYN-ACK
-- column: answers bigint | records | of these, saying something and opening nothing: no lone resets
-- column: answered_first timestamptz | UTC | earliest start of these
-- column: bytes_out bigint | bytes | bytes of our own side's records that open nothing
with logs as (
    select interface_id, max(account_id) as account_id, max(vpc_id) as vpc_id
    from flows
    group by interface_id
),
seen as (
    select
        day,
        inward,
        inside,
        peer,
        interface_id,
        address,
        protocol,
        port,
        peer_port,
        refused,
        tcp_flags,
        packets,
        bytes,
        gateway,
        start_time,
        end_time
    from sides
),
received as (
    select
        seen.day,
        seen.peer,
        seen.inside,
        seen.interface_id,
        seen.address,
        seen.protocol,
        seen.port,
        case when seen.peer_port <= seen.port then seen.peer_port end as told_port,
        seen.peer_port,
        seen.refused,
        seen.tcp_flags,
        seen.packets,
        seen.bytes,
        seen.start_time,
        seen.end_time,
        not seen.refused
            and seen.packets >= evidence.session_packets
            and seen.bytes > evidence.session_packet_bytes * seen.packets as heavy,
        not seen.refused and seen.packets <= evidence.half_open_packets as light,
        case
            when seen.tcp_flags is not null
                then case when (seen.tcp_flags & 18) = 2 then 'syn' else 'stray' end
            when
                seen.protocol not in (6, 17)
                or mine.probed
                or (mine.port is not null and seen.port < 1024)
                then 'open'
            when seen.protocol = 17
                then case
                    when seen.peer_port in (53, 123, 443, 1900, 11211) then 'stray'
                    else 'open'
                end
            when theirs.service then 'stray'
            when seen.port < 1024 then 'open'
            else 'unsure'
        end as kind
    from seen
    cross join evidence
    left join services as mine
        on mine.port = seen.port
        and mine.protocol = seen.protocol
    left join services as theirs
        on theirs.port = seen.peer_port
        and theirs.protocol = seen.protocol
    where seen.inward
),
sent as (
    select
        seen.day,
        seen.peer,
        seen.inside,
        seen.interface_id,
        seen.address,
        seen.protocol,
        seen.port,
        case when seen.peer_port <= seen.port then seen.peer_port end as told_port,
        case
            when seen.tcp_flags is not null then (seen.tcp_flags & 18) = 2
            else seen.peer_port <= seen.port
                and (not coalesce(mine.probed, false) or coalesce(theirs.service, false))
        end as opening,
        coalesce((seen.tcp_flags & 18) = 18, false) as syn_ack,
        case
            when seen.gateway then false
            when seen.protocol <> 6 then seen.bytes > 0
            when seen.tcp_flags is null
                then seen.bytes
                    > seen.packets * case when seen.address like '%:%' then 60 else 40 end
            else
                seen.bytes > seen.packets * 60
                or (seen.tcp_flags & 18) = 18
                or (seen.bytes > 0 and (seen.tcp_flags & 4) = 0)
        end as answer,
        seen.bytes,
        seen.start_time
    from seen
    left join services as mine
        on mine.port = seen.port
        and mine.protocol = seen.protocol
    left join services as theirs
        on theirs.port = seen.peer_port
        and theirs.protocol = seen.protocol
    where not seen.inward and not seen.refused
),
calls as (
    select
        seen.day,
        seen.address as peer,
        seen.interface_id,
        seen.peer as address,
        seen.protocol,
        seen.peer_port as port,
        seen.port as peer_port,
        case when seen.inside then 'internal' else 'outbound' end as called,
        not seen.inward as opening,
        seen.refused,
        seen.tcp_flags,
        seen.packets,
        seen.bytes,
        seen.start_time,
        seen.end_time,
        not seen.refused
            and seen.packets >= evidence.session_packets
            and seen.bytes > evidence.session_packet_bytes * seen.packets as heavy,
        not seen.refused and seen.packets <= evidence.half_open_packets as light
    from seen
    cross join evidence
    left join services as mine
        on mine.port = seen.port
        and mine.protocol = seen.protocol
    left join services as theirs
        on theirs.port = seen.peer_port
        and theirs.protocol = seen.protocol
    where
        not seen.gateway
        and case
            when seen.tcp_flags is not null
                then (seen.tcp_flags & 18) = case when seen.inward then 18 else 2 end
            when seen.protocol not in (6, 17) or seen.peer_port = 0 then false
            when seen.peer_port < seen.port
                then not coalesce(mine.probed, false) or coalesce(theirs.service, false)
            else coalesce(theirs.probed, false) and mine.port is null
        end
        and (
            not seen.inward
            or seen.tcp_flags is not null
            or case
                when seen.protocol = 6
                    then seen.bytes
                        > seen.packets * case when seen.peer like '%:%' then 60 else 40 end
                else seen.bytes > 0
            end
        )
),
found as (
    select
        day,
        peer,
        max(inside) as inside,
        interface_id,
        address,
        protocol,
        port,
        told_port as peer_port,
        null as called,
        count(*) as records,
        cast(sum(packets) as bigint) as packets,
        count(*) filter (where kind = 'syn') as syns,
        count(*) filter (where kind = 'open') as opens,
        count(*) filter (where kind = 'unsure') as unsure,
        count(*) filter (where tcp_flags is not null) as flagged,
        count(*) filter (where refused) as refused,
        count(*) filter (where heavy) as heavy,
        count(*) filter (
            where
                heavy
                and protocol = 6
                and case when tcp_flags is null then peer_port > port else (tcp_flags & 2) = 2 end
        ) as sessions,
        count(*) filter (
            where light and ((tcp_flags & 6) = 6 or (tcp_flags is null and protocol = 6))
        ) as half_open,
        cast(sum(case when refused then 0 else bytes end) as bigint) as bytes_in,
        cast(sum(case when refused then packets else 0 end) as bigint) as refused_packets,
        cast(sum(case when refused then bytes else 0 end) as bigint) as refused_bytes,
        min(peer_port) as least_port,
        max(peer_port) as most_port,
        min(start_time) as first_seen,
        max(start_time) as last_start,
        max(end_time) as last_seen,
        cast(0 as bigint) as sent,
        cast(0 as bigint) as opened,
        null as opened_first,
        null as opened_last,
        cast(0 as bigint) as syn_acks,
        cast(0 as bigint) as answers,
        null as answered_first,
        cast(0 as bigint) as bytes_out
    from received
    group by day, peer, interface_id, address, protocol, port, told_port
    union all
    select
        day,
        peer,
        max(inside) as inside,
        interface_id,
        address,
        protocol,
        port,
        told_port as peer_port,
        null as called,
        cast(0 as bigint) as records,
        cast(0 as bigint) as packets,
        cast(0 as bigint) as syns,
        cast(0 as bigint) as opens,
        cast(0 as bigint) as unsure,
        cast(0 as bigint) as flagged,
        cast(0 as bigint) as refused,
        cast(0 as bigint) as heavy,
        cast(0 as bigint) as sessions,
        cast(0 as bigint) as half_open,
        cast(0 as bigint) as bytes_in,
        cast(0 as bigint) as refused_packets,
        cast(0 as bigint) as refused_bytes,
        null as least_port,
        null as most_port,
        null as first_seen,
        null as last_start,
        null as last_seen,
        count(*) as sent,
        count(*) filter (where opening) as opened,
        min(case when opening then start_time end) as opened_first,
        max(case when opening then start_time end) as opened_last,
        count(*) filter (where syn_ack) as syn_acks,
        count(*) filter (where answer and not opening) as answers,
        min(case when answer and not opening then start_time end) as answered_first,
        cast(sum(case when opening then 0 else bytes end) as bigint) as bytes_out
    from sent
    group by day, peer, interface_id, address, protocol, port, told_port
    union all
    select
        day,
        peer,
        true as inside,
        interface_id,
        address,
        protocol,
        port,
        null as peer_port,
        called,
        count(*) filter (where opening) as records,
        cast(sum(case when opening then packets else 0 end) as bigint) as packets,
        count(*) filter (where opening and tcp_flags is not null) as syns,
        count(*) filter (where opening and tcp_flags is null) as opens,
        cast(0 as bigint) as unsure,
        count(*) filter (where opening and tcp_flags is not null) as flagged,
        count(*) filter (where opening and refused) as refused,
        count(*) filter (where opening and heavy) as heavy,
        cast(0 as bigint) as sessions,
        count(*) filter (
            where
                opening
                and light
                and ((tcp_flags & 6) = 6 or (tcp_flags is null and protocol = 6))
        ) as half_open,
        cast(sum(case when opening and not refused then bytes else 0 end) as bigint) as bytes_in,
        cast(sum(case when opening and refused then packets else 0 end) as bigint)
            as refused_packets,
        cast(sum(case when opening and refused then bytes else 0 end) as bigint) as refused_bytes,
        min(case when opening then peer_port end) as least_port,
        max(case when opening then peer_port end) as most_port,
        min(case when opening then start_time end) as first_seen,
        max(case when opening then start_time end) as last_start,
        max(case when opening then end_time end) as last_seen,
        cast(0 as bigint) as sent,
        cast(0 as bigint) as opened,
        null as opened_first,
        null as opened_last,
        count(*) filter (where not opening and tcp_flags is not null) as syn_acks,
        count(*) filter (where not opening) as answers,
        min(case when not opening then start_time end) as answered_first,
        cast(sum(case when opening then 0 else bytes end) as bigint) as bytes_out
    from calls
    group by day, peer, interface_id, address, protocol, port, called
)
select
    found.day,
    found.peer,
    found.inside,
    found.interface_id,
    found.address,
    found.protocol,
    found.port,
    found.peer_port,
    found.called,
    logs.account_id,
    logs.vpc_id,
    found.records,
    found.packets,
    found.syns,
    found.opens,
    found.unsure,
    found.flagged,
    found.refused,
    found.heavy,
    found.sessions,
    found.half_open,
    found.bytes_in,
    found.refused_packets,
    found.refused_bytes,
    found.least_port,
    found.most_port,
    found.first_seen,
    found.last_start,
    found.last_seen,
    found.sent,
    found.opened,
    found.opened_first,
    found.opened_last,
    found.syn_acks,
    found.answers,
    found.answered_first,
    found.bytes_out
from found
left join logs
    on logs.interface_id is not distinct from found.interface_id
order by day, peer, interface_id, address, protocol, port, peer_port, called, records
limit $limit
