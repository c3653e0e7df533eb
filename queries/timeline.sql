-- Traffic over time, by action. A record counts in the bucket of its start; buckets shorter
-- than the aggregation interval show the interval's steps, not the traffic's.
--
-- reads: flows
-- param: bucket_seconds bigint = 300 | seconds | length; buckets start at its multiples
-- param: limit bigint = 0 | rows | rows to give; 0 gives all
-- column: bucket timestamptz | UTC | start of the bucket
-- column: action varchar | | ACCEPT or REJECT; null in transit gateway records
-- column: records bigint | records | flow-log records with traffic
-- column: packets bigint | packets | packets of these records
-- column: bytes bigint | bytes | bytes of these records
-- column: longest_seconds bigint | seconds | longest time between a record's start and end
with seconds as (
    select
        cast(epoch(start_time) as bigint) as second,
        cast(epoch(end_time) as bigint) - cast(epoch(start_time) as bigint) as length,
        action,
        packets,
        bytes
    from flows
    where log_status = 'OK'
),
buckets as (
    select
        second - second % $bucket_seconds as second,
        action,
        count(*) as records,
        cast(sum(packets) as bigint) as packets,
        cast(sum(bytes) as bigint) as bytes,
        max(length) as longest_seconds
    from seconds
    group by second - second % $bucket_seconds, action
)
select
    to_timestamp(second) as bucket,
    action,
    records,
    packets,
    bytes,
    longest_seconds
from buckets
order by bucket, action
limit $limit
