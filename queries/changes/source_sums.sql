-- What one side of a comparison holds of each address: what was refused of it as a source, and
-- whether it is in any record at all. One of our own is another host in another network (see enis). ICMP
-- logs port 0.
--
-- reads: flows, enis, own
-- param: limit bigint = 0 | rows | rows to give; 0 gives all
-- column: srcaddr varchar | | the address
-- column: inside boolean | | it is one of our own
-- column: met bigint | records | records with traffic that it is in, as source or destination
-- column: sent bigint | records | of these, as source
-- column: records bigint | records | of these, refused
-- column: bytes bigint | bytes | bytes of the refused records
-- column: ports bigint | ports | distinct destination port numbers of the refused records
-- column: protocol integer | | their protocol, where it is one
-- column: dstport integer | | their destination port, where it is one
-- column: enis bigint | ENIs | distinct ENIs that logged the refused records
-- column: first_seen timestamptz | UTC | earliest start of the refused records
-- column: last_seen timestamptz | UTC | latest end of the refused records
-- column: network varchar | | network of the ENIs that met it, if it is our own; else null
with places as (
    select interface_id, min(network) as network
    from enis
    group by interface_id
),
ends as (
    select
        flows.srcaddr as address,
        coalesce(places.network, flows.vpc_id, flows.account_id) as network,
        true as sent,
        coalesce(flows.action = 'REJECT', false) as refused,
        flows.interface_id,
        flows.protocol,
        flows.dstport,
        flows.bytes,
        flows.start_time,
        flows.end_time
    from flows
    left join places
        on places.interface_id = flows.interface_id
    where flows.log_status = 'OK' and flows.srcaddr is not null
    union all
    select
        flows.dstaddr as address,
        coalesce(places.network, flows.vpc_id, flows.account_id) as network,
        false as sent,
        false as refused,
        null as interface_id,
        null as protocol,
        null as dstport,
        null as bytes,
        null as start_time,
        null as end_time
    from flows
    left join places
        on places.interface_id = flows.interface_id
    where flows.log_status = 'OK' and flows.dstaddr is not null
)
select
    ends.address as srcaddr,
    own.address is not null as inside,
    count(*) as met,
    count(*) filter (where ends.sent) as sent,
    count(*) filter (where ends.refused) as records,
    cast(sum(case when ends.refused then ends.bytes end) as bigint) as bytes,
    count(distinct case when ends.refused then ends.dstport end) as ports,
    case
        when
            min(case when ends.refused then ends.protocol end)
                = max(case when ends.refused then ends.protocol end)
            then min(case when ends.refused then ends.protocol end)
    end as protocol,
    case
        when
            min(case when ends.refused then ends.dstport end)
                = max(case when ends.refused then ends.dstport end)
            then min(case when ends.refused then ends.dstport end)
    end as dstport,
    count(distinct case when ends.refused then ends.interface_id end) as enis,
    min(case when ends.refused then ends.start_time end) as first_seen,
    max(case when ends.refused then ends.end_time end) as last_seen,
    case when own.address is not null then ends.network end as network
from ends
left join own
    on own.address = ends.address
    and (own.network is null or own.network = ends.network)
group by
    ends.address,
    own.address is not null,
    case when own.address is not null then ends.network end
order by records desc, srcaddr, inside, network
limit $limit
