-- What answered a scanner: targets that sent it something back, those of our own scanners first, then
-- the most bytes first. A scanner of our own is a client besides: of whom it called outside, those count
-- whose port it swept.
--
-- reads: targets, judged, trials
-- param: limit bigint = 0 | rows | rows to give; 0 gives all
-- column: srcaddr varchar | | the scanner
-- column: interface_id varchar | | ENI of the target
-- column: dstaddr varchar | | address of the target
-- column: protocol integer | | IANA protocol number
-- column: dstport integer | | port; 0 for ICMP, which has none
-- column: answers bigint | records | records of the answers
-- column: bytes_in bigint | bytes | bytes accepted from the scanner
-- column: bytes_out bigint | bytes | bytes of the answers
-- column: first_seen timestamptz | UTC | earliest start of the scanner's records there
-- column: last_seen timestamptz | UTC | latest end of the scanner's records there
-- column: answered_first timestamptz | UTC | earliest start of the answers
with swept as (
    select distinct srcaddr, family
    from trials
    where sweep = 1
)
select
    targets.srcaddr,
    targets.interface_id,
    targets.dstaddr,
    targets.protocol,
    targets.dstport,
    targets.answers,
    targets.bytes_in,
    targets.bytes_out,
    targets.first_seen,
    targets.last_seen,
    targets.answered_first
from targets
join judged
    on judged.srcaddr = targets.srcaddr
left join swept
    on swept.srcaddr = targets.srcaddr
    and swept.family = targets.family
where
    judged.tier = 'scanner'
    and targets.answers > 0
    and (targets.called is null or targets.called = 'internal' or swept.srcaddr is not null)
order by
    judged.inside desc,
    targets.bytes_out desc,
    targets.srcaddr,
    targets.interface_id,
    targets.dstaddr,
    targets.protocol,
    targets.dstport
limit $limit
