-- Each target that a source opened something at, over all days, and what went to and fro there.
-- Without flags, what comes from one source port alone to about as many ports as targets is taken for
-- the answers of a flooded service; a scan comes to one port of many hosts, or the same ports of each.
-- What a host of ours called is left to the ENI of whom it called, where that has it.
--
-- reads: contacts, evidence
-- param: limit bigint = 0 | rows | rows to give; 0 gives all
-- column: srcaddr varchar | | the source
-- column: inside boolean | | the source is one of our own addresses
-- column: interface_id varchar | | ENI of the target
-- column: dstaddr varchar | | address of the target
-- column: protocol integer | | IANA protocol number
-- column: dstport integer | | port; 0 for ICMP, which has none
-- column: called varchar | | internal or outbound: whom our own host called, by its own ENI; else null
-- column: records bigint | records | records from the source
-- column: packets bigint | packets | packets of these
-- column: flagged bigint | records | of these, with TCP flags
-- column: refused bigint | records | of these, refused
-- column: heavy bigint | records | of these, accepted and as heavy as a session's
-- column: half_open bigint | records | of these, accepted, few packets, SYN and RST as far as flags tell
-- column: syn_acks bigint | records | our own side's records with a SYN-ACK
-- column: answers bigint | records | our own side's records that say something
-- column: bytes_in bigint | bytes | bytes accepted from the source
-- column: bytes_out bigint | bytes | bytes of our own side's records
-- column: first_seen timestamptz | UTC | earliest start
-- column: last_seen timestamptz | UTC | latest end
-- column: answered_first timestamptz | UTC | earliest start of our own side's answers
with alone as (
    select srcaddr
    from contacts
    where records > 0 and called is null
    group by srcaddr
    having
        max(unsure) > 0
        and min(least_srcport) = max(most_srcport)
        and min(dstaddr) < max(dstaddr)
        and min(dstport) < max(dstport)
),
spread as (
    select distinct
        contacts.srcaddr,
        contacts.interface_id,
        contacts.dstaddr,
        contacts.protocol,
        contacts.dstport
    from contacts
    join alone
        on alone.srcaddr = contacts.srcaddr
    where contacts.returns = 0 and contacts.records > 0 and contacts.called is null
),
widths as (
    select srcaddr, count(*) as targets, count(distinct dstport) as ports
    from spread
    group by srcaddr
),
one_port as (
    select widths.srcaddr, 1 as found
    from widths
    cross join evidence
    where widths.ports >= evidence.one_port_share * widths.targets
),
told as (
    select distinct srcaddr, dstaddr, protocol, dstport
    from contacts
    where inside and called is null and returns = 0 and opens + unsure > 0
)
select
    contacts.srcaddr,
    max(contacts.inside) as inside,
    contacts.interface_id,
    contacts.dstaddr,
    contacts.protocol,
    contacts.dstport,
    contacts.called,
    cast(sum(contacts.records) as bigint) as records,
    cast(sum(contacts.packets) as bigint) as packets,
    cast(sum(contacts.flagged) as bigint) as flagged,
    cast(sum(contacts.refused) as bigint) as refused,
    cast(sum(contacts.heavy) as bigint) as heavy,
    cast(sum(contacts.half_open) as bigint) as half_open,
    cast(sum(contacts.syn_acks) as bigint) as syn_acks,
    cast(sum(contacts.answers) as bigint) as answers,
    cast(sum(contacts.bytes_in) as bigint) as bytes_in,
    cast(sum(contacts.bytes_out) as bigint) as bytes_out,
    min(contacts.first_seen) as first_seen,
    max(contacts.last_seen) as last_seen,
    min(contacts.answered_first) as answered_first
from contacts
left join one_port
    on one_port.srcaddr = contacts.srcaddr
left join told
    on told.srcaddr = contacts.srcaddr
    and told.dstaddr = contacts.dstaddr
    and told.protocol = contacts.protocol
    and told.dstport = contacts.dstport
    and contacts.called is not null
where
    contacts.returns = 0
    and told.srcaddr is null
    and (contacts.records > 0 or contacts.syn_acks > 0 or contacts.bytes_out > 0)
group by
    contacts.srcaddr,
    contacts.interface_id,
    contacts.dstaddr,
    contacts.protocol,
    contacts.dstport,
    contacts.called
having sum(contacts.opens + contacts.unsure * (1 - coalesce(one_port.found, 0))) > 0
order by srcaddr, first_seen, interface_id, dstaddr, protocol, dstport, called
limit $limit
