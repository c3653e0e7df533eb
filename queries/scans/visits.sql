-- How many sessions each source had, by day, at targets where it was served.
--
-- reads: contacts, targets
-- param: limit bigint = 0 | rows | rows to give; 0 gives all
-- column: day bigint | days | day of the records' start, since 1970-01-01
-- column: srcaddr varchar | | the source
-- column: sessions bigint | sessions | sessions by their SYN; without flags, records of sessions
select
    contacts.day,
    contacts.srcaddr,
    cast(sum(contacts.sessions) as bigint) as sessions
from contacts
join targets
    on targets.srcaddr = contacts.srcaddr
    and targets.interface_id is not distinct from contacts.interface_id
    and targets.dstaddr = contacts.dstaddr
    and targets.protocol = contacts.protocol
    and targets.dstport = contacts.dstport
where
    contacts.sessions > 0
    and contacts.returns = 0
    and contacts.called is null
    and targets.called is null
    and targets.outcome = 6
group by contacts.day, contacts.srcaddr
order by day, srcaddr
limit $limit
