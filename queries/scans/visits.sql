-- How many sessions each source had, by day, at targets where it was served: no more than earn trust.
--
-- reads: sessions, targets, evidence
-- param: limit bigint = 0 | rows | rows to give; 0 gives all
-- column: day bigint | days | day of the records' start, since 1970-01-01
-- column: srcaddr varchar | | the source
-- column: sessions bigint | sessions | sessions
with known as (
    select distinct day, srcaddr, interface_id, dstaddr, dstport, srcport
    from sessions
),
ranked as (
    select
        day,
        srcaddr,
        interface_id,
        dstaddr,
        dstport,
        row_number() over (
            partition by day, srcaddr order by interface_id, dstaddr, dstport, srcport
        ) as place
    from known
)
select ranked.day, ranked.srcaddr, count(*) as sessions
from ranked
cross join evidence
join targets
    on targets.srcaddr = ranked.srcaddr
    and targets.interface_id is not distinct from ranked.interface_id
    and targets.dstaddr = ranked.dstaddr
    and targets.dstport = ranked.dstport
where ranked.place <= evidence.trust_sessions and targets.protocol = 6 and targets.outcome = 6
group by ranked.day, ranked.srcaddr
order by day, srcaddr
limit $limit
