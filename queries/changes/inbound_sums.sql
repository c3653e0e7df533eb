-- What one side of a comparison holds of traffic to our own side, by ENI, protocol and port.
-- A record opens something if it holds the SYN. Where the log has no flags: if it goes to the lower
-- port, and that is no client's (under 32768); or to a commonly probed port, from no service's. ICMP is
-- left out: an answer looks like a question.
--
-- reads: sides, services
-- param: limit bigint = 0 | rows | rows to give; 0 gives all
-- column: interface_id varchar | | ENI that logged the records
-- column: protocol integer | | IANA protocol number
-- column: dstport integer | | our own side's port
-- column: accepted bigint | records | records accepted
-- column: opened bigint | records | of these, such as open something
-- column: rejected bigint | records | records refused
-- column: sources bigint | addresses | distinct peers of the records that open something
-- column: outside bigint | addresses | of these, not our own
-- column: bytes bigint | bytes | bytes accepted
-- column: first_seen timestamptz | UTC | earliest start of the records that open something
-- column: last_seen timestamptz | UTC | latest end of these
-- column: last_rejected timestamptz | UTC | latest end of the records refused
with received as (
    select
        sides.interface_id,
        sides.protocol,
        sides.port,
        sides.peer,
        sides.inside,
        sides.refused,
        sides.bytes,
        sides.start_time,
        sides.end_time,
        not sides.refused
            and not sides.gateway
            and case
                when sides.protocol not in (6, 17) then true
                when sides.tcp_flags is not null then (sides.tcp_flags & 18) = 2
                when probed.port is not null and answering.port is null then true
                else sides.port < sides.peer_port and sides.port < 32768
            end as opening
    from sides
    left join services as answering
        on answering.port = sides.peer_port
        and answering.protocol = sides.protocol
        and answering.service
    left join services as probed
        on probed.port = sides.port
        and probed.protocol = sides.protocol
        and probed.probed
    where sides.inward and sides.protocol not in (1, 58)
)
select
    interface_id,
    protocol,
    port as dstport,
    count(*) filter (where not refused) as accepted,
    count(*) filter (where opening) as opened,
    count(*) filter (where refused) as rejected,
    count(distinct case when opening then peer end) as sources,
    count(distinct case when opening and not inside then peer end) as outside,
    cast(sum(case when refused then 0 else bytes end) as bigint) as bytes,
    min(case when opening then start_time end) as first_seen,
    max(case when opening then end_time end) as last_seen,
    max(case when refused then end_time end) as last_rejected
from received
group by interface_id, protocol, port
order by opened desc, interface_id, protocol, dstport
limit $limit
