-- Records by hour, ENI, action, protocol and destination port: what a store keeps when the records are
-- gone. All columns but the first six add up over rows. Ports from 32768 on, which few services use
-- and every client does, are one row: its port is null.
--
-- reads: flows
-- param: limit bigint = 0 | rows | rows to give; 0 gives all
-- column: hour bigint | hours | hour of the records' start, since 1970-01-01T00:00:00Z
-- column: account_id varchar | | AWS account
-- column: interface_id varchar | | ENI that logged them
-- column: action varchar | | ACCEPT or REJECT; null without traffic, and in transit gateway records
-- column: protocol integer | | IANA protocol number
-- column: port integer | | destination port below 32768; else null
-- column: records bigint | records | records with traffic
-- column: packets bigint | packets | packets of these
-- column: bytes bigint | bytes | bytes of these
-- column: nodata bigint | records | NODATA records
-- column: skipdata bigint | records | SKIPDATA records
-- column: first_seen timestamptz | UTC | earliest start
-- column: last_seen timestamptz | UTC | latest end
select
    cast(floor(cast(epoch(start_time) as bigint) / 3600) as bigint) as hour,
    account_id,
    interface_id,
    action,
    protocol,
    case when dstport < 32768 then dstport end as port,
    count(*) filter (where log_status = 'OK') as records,
    cast(coalesce(sum(packets), 0) as bigint) as packets,
    cast(coalesce(sum(bytes), 0) as bigint) as bytes,
    count(*) filter (where log_status = 'NODATA') as nodata,
    count(*) filter (where log_status = 'SKIPDATA') as skipdata,
    min(start_time) as first_seen,
    max(end_time) as last_seen
from flows
group by
    cast(floor(cast(epoch(start_time) as bigint) / 3600) as bigint),
    account_id,
    interface_id,
    action,
    protocol,
    case when dstport < 32768 then dstport end
order by hour, account_id, interface_id, action, protocol, port
limit $limit
