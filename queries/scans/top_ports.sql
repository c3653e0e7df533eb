-- The ports that each scanner and likely scanner touched at most hosts.
--
-- reads: targets, judged
-- param: limit bigint = 0 | rows | rows to give; 0 gives all
-- column: srcaddr varchar | | the source
-- column: place bigint | | rank of the port, from 1 to 3
-- column: protocol integer | | IANA protocol number
-- column: dstport integer | | port; 0 for ICMP, which has none
-- column: hosts bigint | | hosts touched there
with touched as (
    select targets.srcaddr, targets.protocol, targets.dstport, count(*) as hosts
    from targets
    join judged
        on judged.srcaddr = targets.srcaddr
    where judged.tier in ('scanner', 'likely')
    group by targets.srcaddr, targets.protocol, targets.dstport
),
ranked as (
    select
        srcaddr,
        row_number() over (
            partition by srcaddr order by hosts desc, protocol, dstport
        ) as place,
        protocol,
        dstport,
        hosts
    from touched
)
select srcaddr, place, protocol, dstport, hosts
from ranked
where place <= 3
order by srcaddr, place
limit $limit
