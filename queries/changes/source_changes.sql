-- Sources that are new, and sources that are gone.
-- New: refused after, and in no record before. Gone: refused before, and in no record after.
-- Our own come first: what of ours is refused is something of ours that doesn't work.
--
-- reads: sources_before, sources_after
-- param: limit bigint = 0 | rows | rows to give; 0 gives all
-- column: change varchar | | new or gone
-- column: srcaddr varchar | | source address
-- column: inside boolean | | it is one of our own
-- column: records bigint | records | refused records, of the side that has them
-- column: bytes bigint | bytes | bytes of these
-- column: ports bigint | ports | distinct destination port numbers of these; ICMP logs port 0
-- column: protocol integer | | their protocol, where it is one
-- column: dstport integer | | their destination port, where it is one
-- column: enis bigint | ENIs | distinct ENIs that logged these
-- column: first_seen timestamptz | UTC | earliest start of these
-- column: last_seen timestamptz | UTC | latest end of these
with both_sides as (
    select
        srcaddr,
        inside,
        met as met_before,
        0 as met_after,
        records,
        bytes,
        ports,
        protocol,
        dstport,
        enis,
        first_seen,
        last_seen
    from sources_before
    union all
    select
        srcaddr,
        inside,
        0 as met_before,
        met as met_after,
        records,
        bytes,
        ports,
        protocol,
        dstport,
        enis,
        first_seen,
        last_seen
    from sources_after
),
sums as (
    select
        srcaddr,
        max(inside) as inside,
        max(met_before) as met_before,
        max(met_after) as met_after,
        max(records) as records,
        max(bytes) as bytes,
        max(ports) as ports,
        max(protocol) as protocol,
        max(dstport) as dstport,
        max(enis) as enis,
        min(first_seen) as first_seen,
        max(last_seen) as last_seen
    from both_sides
    group by srcaddr
)
select
    case when met_before = 0 then 'new' else 'gone' end as change,
    srcaddr,
    inside,
    records,
    bytes,
    ports,
    protocol,
    dstport,
    enis,
    first_seen,
    last_seen
from sums
where records > 0 and (met_before = 0 or met_after = 0)
order by change desc, inside desc, records desc, srcaddr
limit $limit
