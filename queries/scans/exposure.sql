-- What the data holds for the detector, in one row.
--
-- reads: contacts, touched
-- param: limit bigint = 0 | rows | rows to give; 0 gives all
-- column: exposed bigint | | hosts (ENI and address) that were touched from outside
-- column: accepted bigint | records | records accepted from peers
-- column: refused bigint | records | records refused from peers
-- column: first_seen timestamptz | UTC | earliest start
-- column: last_seen timestamptz | UTC | latest end
with hosts as (
    select distinct interface_id, dstaddr
    from touched
    where not inside
),
counted as (
    select count(*) as exposed
    from hosts
),
sums as (
    select
        cast(sum(records - refused) as bigint) as accepted,
        cast(sum(refused) as bigint) as refused,
        min(first_seen) as first_seen,
        max(last_seen) as last_seen
    from contacts
    where called is null
)
select counted.exposed, sums.accepted, sums.refused, sums.first_seen, sums.last_seen
from counted
cross join sums
order by counted.exposed
limit $limit
