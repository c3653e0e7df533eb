-- Records over time by action, ENI and port, for the ENIs and ports that are refused most; all
-- others are put together, so that a month stays small enough to look at. Where an action alone is
-- asked for, timeline says the same.
--
-- reads: flows
-- param: bucket_seconds bigint = 300 | seconds | length; buckets start at its multiples
-- param: enis bigint = 12 | ENIs | how many ENIs to tell apart, by rejected records
-- param: ports bigint = 12 | ports | how many protocols and ports to tell apart, by rejected records
-- param: limit bigint = 0 | rows | rows to give; 0 gives all
-- column: bucket timestamptz | UTC | start of the bucket
-- column: action varchar | | ACCEPT or REJECT; null in transit gateway records
-- column: interface_id varchar | | ENI that logged the records; null for all others
-- column: protocol integer | | IANA protocol number; null for all other ports
-- column: dstport integer | | destination port; null for all others
-- column: records bigint | records | flow-log records with traffic
with refused as (
    select
        interface_id,
        protocol,
        dstport,
        count(*) as records
    from flows
    where action = 'REJECT' and log_status = 'OK'
    group by interface_id, protocol, dstport
),
ranked_enis as (
    select
        interface_id,
        row_number() over (order by sum(records) desc, interface_id) as place
    from refused
    where interface_id is not null
    group by interface_id
),
ranked_ports as (
    select
        protocol,
        dstport,
        row_number() over (order by sum(records) desc, protocol, dstport) as place
    from refused
    where protocol is not null and dstport is not null
    group by protocol, dstport
),
told as (
    select
        cast(epoch(f.start_time) as bigint) as second,
        f.action,
        e.interface_id,
        p.protocol,
        p.dstport
    from flows as f
    left join ranked_enis as e
        on f.interface_id = e.interface_id and e.place <= $enis
    left join ranked_ports as p
        on f.protocol = p.protocol and f.dstport = p.dstport and p.place <= $ports
    where f.log_status = 'OK'
),
counted as (
    select
        second - second % $bucket_seconds as second,
        action,
        interface_id,
        protocol,
        dstport,
        count(*) as records
    from told
    group by second - second % $bucket_seconds, action, interface_id, protocol, dstport
)
select
    to_timestamp(second) as bucket,
    action,
    interface_id,
    protocol,
    dstport,
    records
from counted
order by bucket, action, interface_id, protocol, dstport
limit $limit
