-- Sources with too few touches to judge, all refused, by port: slips, or scans of the whole Internet.
--
-- reads: targets, judged
-- param: limit bigint = 0 | rows | rows to give; 0 gives all
-- column: protocol integer | | IANA protocol number
-- column: dstport integer | | destination port
-- column: sources bigint | | distinct sources
-- column: records bigint | records | records refused
-- column: hosts bigint | | distinct addresses of our own that they touched
-- column: first_seen timestamptz | UTC | earliest start
-- column: last_seen timestamptz | UTC | latest end
select
    targets.protocol,
    targets.dstport,
    count(distinct targets.srcaddr) as sources,
    cast(sum(targets.refused) as bigint) as records,
    count(distinct targets.dstaddr) as hosts,
    min(targets.first_seen) as first_seen,
    max(targets.last_seen) as last_seen
from targets
join judged
    on judged.srcaddr = targets.srcaddr
where judged.tier = 'probe' and targets.called is null
group by targets.protocol, targets.dstport
order by sources desc, records desc, targets.protocol, targets.dstport
limit $limit
