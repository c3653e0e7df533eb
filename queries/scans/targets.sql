-- Each target that a source opened something at, over all days, and what became of it.
-- Outcomes rise: 0 refused where nobody is served, 1 refused where others are, 2 allowed without an
-- answer, 3 answered and no more, 4 half-open, 5 allowed without connections (UDP, ICMP), 6 session.
--
-- reads: contacts, late, served, services, evidence
-- param: limit bigint = 0 | rows | rows to give; 0 gives all
-- column: srcaddr varchar | | the source
-- column: inside boolean | | the source is one of our own addresses
-- column: interface_id varchar | | ENI of the target
-- column: dstaddr varchar | | address of the target
-- column: protocol integer | | IANA protocol number
-- column: dstport integer | | port; 0 for ICMP, which has none
-- column: family bigint | | services that one client tries together: 65536 · protocol + port
-- column: outcome bigint | | what became of it, the best that was reached
-- column: refused bigint | records | records refused
-- column: accepted bigint | records | records accepted
-- column: answers bigint | records | our own side's answers
-- column: bytes_in bigint | bytes | bytes accepted from the source
-- column: bytes_out bigint | bytes | bytes of the answers
-- column: first_seen timestamptz | UTC | earliest start
-- column: last_seen timestamptz | UTC | latest end
with one_port as (
    select srcaddr, 1 as found
    from contacts
    group by srcaddr
    having
        max(unsure) > 0
        and min(least_srcport) = max(most_srcport)
        and min(dstaddr) < max(dstaddr)
        and min(dstport) < max(dstport)
),
held as (
    select
        contacts.srcaddr,
        contacts.inside,
        contacts.interface_id,
        contacts.dstaddr,
        contacts.protocol,
        contacts.dstport,
        sum(contacts.records) as records,
        sum(contacts.flagged) as flagged,
        sum(contacts.refused) as refused,
        sum(contacts.heavy) as heavy,
        sum(contacts.half_open) as half_open,
        sum(contacts.syn_acks) as syn_acks,
        sum(contacts.answers) as answers,
        sum(contacts.bytes_in) as bytes_in,
        sum(contacts.bytes_out) as bytes_out,
        min(contacts.first_seen) as first_seen,
        max(contacts.last_seen) as last_seen
    from contacts
    left join one_port
        on one_port.srcaddr = contacts.srcaddr
    left join late
        on late.day = contacts.day
        and late.srcaddr = contacts.srcaddr
        and late.interface_id is not distinct from contacts.interface_id
        and late.dstaddr = contacts.dstaddr
        and late.protocol = contacts.protocol
        and late.dstport = contacts.dstport
        and late.srcport = contacts.srcport
    where contacts.returns = 0 and coalesce(late.days, 0) = 0
    group by
        contacts.srcaddr,
        contacts.inside,
        contacts.interface_id,
        contacts.dstaddr,
        contacts.protocol,
        contacts.dstport
    having
        sum(contacts.opens + contacts.unsure * (1 - coalesce(one_port.found, 0))) > 0
),
serving as (
    select distinct interface_id, dstaddr, protocol, dstport
    from served
)
select
    held.srcaddr,
    held.inside,
    held.interface_id,
    held.dstaddr,
    held.protocol,
    held.dstport,
    coalesce(services.family, cast(held.protocol as bigint) * 65536 + held.dstport) as family,
    cast(
        case
            when held.refused = held.records and serving.dstport is null then 0
            when held.refused = held.records then 1
            when held.protocol <> 6 then 5
            when held.heavy > 0 and (held.flagged = 0 or held.syn_acks > 0) then 6
            when
                held.half_open between 1 and evidence.half_open_records
                and (held.flagged > 0 or held.answers > 0)
                then 4
            when held.answers > 0 then 3
            else 2
        end as bigint
    ) as outcome,
    cast(held.refused as bigint) as refused,
    cast(held.records - held.refused as bigint) as accepted,
    cast(held.answers as bigint) as answers,
    cast(held.bytes_in as bigint) as bytes_in,
    cast(held.bytes_out as bigint) as bytes_out,
    held.first_seen,
    held.last_seen
from held
cross join evidence
left join serving
    on serving.interface_id is not distinct from held.interface_id
    and serving.dstaddr = held.dstaddr
    and serving.protocol = held.protocol
    and serving.dstport = held.dstport
left join services
    on services.protocol = held.protocol
    and services.port = held.dstport
order by srcaddr, first_seen, interface_id, dstaddr, protocol, dstport
limit $limit
