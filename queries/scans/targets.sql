-- Each target that a source opened something at, over all days, and what became of it.
-- The ports of a traceroute by UDP (33434 to 33534) are one family, like services tried together.
-- Outcomes rise: 0 refused where nobody is served, 1 refused where others are, 2 allowed without an
-- answer, 3 answered and no more, 4 half-open, 5 allowed without connections (UDP, ICMP), 6 session.
-- Where a host of ours calls, and its own ENI tells it, 0 is refused by its own side, 2 also UDP without
-- an answer, and a session is one that was answered.
--
-- reads: touched, served, services, evidence
-- param: limit bigint = 0 | rows | rows to give; 0 gives all
-- column: srcaddr varchar | | the source
-- column: inside boolean | | the source is one of our own addresses
-- column: interface_id varchar | | ENI of the target
-- column: dstaddr varchar | | address of the target
-- column: protocol integer | | IANA protocol number
-- column: dstport integer | | port; 0 for ICMP, which has none
-- column: called varchar | | internal or outbound: whom our own host called, by its own ENI; else null
-- column: family bigint | | services that one client tries together: 65536 · protocol + port
-- column: outcome bigint | | what became of it, the best that was reached
-- column: packets bigint | packets | packets from the source
-- column: refused bigint | records | records refused
-- column: accepted bigint | records | records accepted
-- column: answers bigint | records | our own side's answers
-- column: bytes_in bigint | bytes | bytes accepted from the source
-- column: bytes_out bigint | bytes | bytes of the answers
-- column: first_seen timestamptz | UTC | earliest start
-- column: last_seen timestamptz | UTC | latest end
-- column: answered_first timestamptz | UTC | earliest start of the answers
select
    touched.srcaddr,
    touched.inside,
    touched.interface_id,
    touched.dstaddr,
    touched.protocol,
    touched.dstport,
    touched.called,
    coalesce(
        services.family,
        case
            when touched.protocol = 17 and touched.dstport between 33434 and 33534
                then 17 * 65536 + 33434
        end,
        cast(touched.protocol as bigint) * 65536 + touched.dstport
    ) as family,
    cast(
        case
            when touched.refused = touched.records and served.dstport is null then 0
            when touched.refused = touched.records then 1
            when touched.protocol <> 6
                then case when touched.called is not null and touched.answers = 0 then 2 else 5 end
            when
                touched.heavy > 0
                and (touched.flagged = 0 or touched.syn_acks > 0)
                and (touched.called is null or touched.answers > 0)
                then 6
            when
                touched.half_open between 1 and evidence.half_open_records
                and (touched.flagged > 0 or touched.answers > 0)
                then 4
            when touched.answers > 0 then 3
            else 2
        end as bigint
    ) as outcome,
    touched.packets,
    touched.refused,
    touched.records - touched.refused as accepted,
    touched.answers,
    touched.bytes_in,
    touched.bytes_out,
    touched.first_seen,
    touched.last_seen,
    touched.answered_first
from touched
cross join evidence
left join served
    on touched.called is null
    and served.interface_id is not distinct from touched.interface_id
    and served.dstaddr = touched.dstaddr
    and served.protocol = touched.protocol
    and served.dstport = touched.dstport
left join services
    on services.protocol = touched.protocol
    and services.port = touched.dstport
order by srcaddr, first_seen, interface_id, dstaddr, protocol, dstport, called
limit $limit
