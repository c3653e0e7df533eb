-- Contacts that may answer a connection that our own side opened on another day.
--
-- reads: contacts, opened, evidence
-- param: limit bigint = 0 | rows | rows to give; 0 gives all
-- column: day bigint | days | day of the answer's start, since 1970-01-01
-- column: srcaddr varchar | | the peer
-- column: interface_id varchar | | ENI that logged the records
-- column: dstaddr varchar | | our own address
-- column: protocol integer | | IANA protocol number
-- column: dstport integer | | our own side's port
-- column: srcport integer | | the peer's port
-- column: days bigint | days | days on which such a connection was opened
select
    contacts.day,
    contacts.srcaddr,
    contacts.interface_id,
    contacts.dstaddr,
    contacts.protocol,
    contacts.dstport,
    contacts.srcport,
    count(distinct opened.day) as days
from contacts
cross join evidence
join opened
    on opened.peer = contacts.srcaddr
    and opened.interface_id is not distinct from contacts.interface_id
    and opened.address = contacts.dstaddr
    and opened.protocol = contacts.protocol
    and opened.port = contacts.dstport
    and opened.peer_port = contacts.srcport
where
    opened.day <> contacts.day
    and cast(epoch(opened.first_seen) as bigint)
        <= cast(epoch(contacts.last_seen) as bigint) + evidence.opened_after
    and cast(epoch(opened.last_seen) as bigint)
        >= cast(epoch(contacts.first_seen) as bigint) - evidence.opened_before
    and (contacts.srcport < contacts.dstport or opened.first_seen <= contacts.first_seen)
group by
    contacts.day,
    contacts.srcaddr,
    contacts.interface_id,
    contacts.dstaddr,
    contacts.protocol,
    contacts.dstport,
    contacts.srcport
order by day, srcaddr, interface_id, dstaddr, protocol, dstport, srcport
limit $limit
