-- What one side of a comparison holds of each address: what was refused of it as a source, and
-- whether it is in any record at all. ICMP logs port 0.
--
-- reads: flows, own
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
with ends as (
    select
        srcaddr as address,
        true as sent,
        coalesce(action = 'REJECT', false) as refused,
        interface_id,
        protocol,
        dstport,
        bytes,
        start_time,
        end_time
    from flows
    where log_status = 'OK' and srcaddr is not null
    union all
    select
        dstaddr as address,
        false as sent,
        false as refused,
        null as interface_id,
        null as protocol,
        null as dstport,
        null as bytes,
        null as start_time,
        null as end_time
    from flows
    where log_status = 'OK' and dstaddr is not null
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
    max(case when ends.refused then ends.end_time end) as last_seen
from ends
left join own
    on own.address = ends.address
group by ends.address, own.address is not null
order by records desc, srcaddr
limit $limit
