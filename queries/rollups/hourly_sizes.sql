-- How large records are, by hour and action: records in logarithmic buckets, each 2 % wider than the
-- one before. A quantile from them is off by 1 % at most: bucket b holds more than 1.02^(b-1) bytes, and
-- up to 1.02^b.
--
-- reads: flows
-- param: limit bigint = 0 | rows | rows to give; 0 gives all
-- column: hour bigint | hours | hour of the records' start, since 1970-01-01T00:00:00Z
-- column: action varchar | | ACCEPT or REJECT; null in transit gateway records
-- column: bucket bigint | | ceil(ln(bytes) / ln(1.02)); null for records of no bytes
-- column: records bigint | records | records with traffic
select
    cast(floor(cast(epoch(start_time) as bigint) / 3600) as bigint) as hour,
    action,
    case when bytes > 0 then cast(ceil(ln(bytes) / ln(1.02)) as bigint) end as bucket,
    count(*) as records
from flows
where log_status = 'OK'
group by
    cast(floor(cast(epoch(start_time) as bigint) / 3600) as bigint),
    action,
    case when bytes > 0 then cast(ceil(ln(bytes) / ln(1.02)) as bigint) end
order by hour, action, bucket
limit $limit
