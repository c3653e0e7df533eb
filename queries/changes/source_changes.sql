-- Sources that are new, and sources that are gone.
-- New: refused after, and in no record before. Gone: refused before, and in no record after.
-- Our own come first: what of ours is refused is something of ours that doesn't work. The same address
-- of our own in two networks is two hosts (see enis); a network that the other side doesn't know may be
-- one of its own by another name, so there any of its hosts of that address will do.
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
-- column: network varchar | | network in which our own was met; null for others
with both_sides as (
    select
        srcaddr,
        network,
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
        network,
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
        network,
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
    group by srcaddr, network
),
known_before as (
    select distinct network
    from sources_before
    where network is not null
),
known_after as (
    select distinct network
    from sources_after
    where network is not null
),
any_before as (
    select
        sources_before.srcaddr,
        max(case when known_after.network is null then 1 else 0 end) as unplaced
    from sources_before
    left join known_after
        on known_after.network = sources_before.network
    group by sources_before.srcaddr
),
any_after as (
    select
        sources_after.srcaddr,
        max(case when known_before.network is null then 1 else 0 end) as unplaced
    from sources_after
    left join known_before
        on known_before.network = sources_after.network
    group by sources_after.srcaddr
),
judged as (
    select
        sums.srcaddr,
        sums.network,
        sums.inside,
        sums.met_before > 0
            or (
                any_before.srcaddr is not null
                and (sums.network is null or any_before.unplaced = 1)
            ) as before,
        sums.met_after > 0
            or (
                any_after.srcaddr is not null
                and (sums.network is null or any_after.unplaced = 1)
            ) as after,
        sums.records,
        sums.bytes,
        sums.ports,
        sums.protocol,
        sums.dstport,
        sums.enis,
        sums.first_seen,
        sums.last_seen
    from sums
    left join any_before
        on any_before.srcaddr = sums.srcaddr
    left join any_after
        on any_after.srcaddr = sums.srcaddr
)
select
    case when not before then 'new' else 'gone' end as change,
    srcaddr,
    inside,
    records,
    bytes,
    ports,
    protocol,
    dstport,
    enis,
    first_seen,
    last_seen,
    network
from judged
where records > 0 and (not before or not after)
order by change desc, inside desc, records desc, srcaddr, network
limit $limit
