-- What one side of a comparison holds of each ENI. One without traffic has NODATA records, and is there.
--
-- reads: flows
-- param: limit bigint = 0 | rows | rows to give; 0 gives all
-- column: interface_id varchar | | ENI that logged the records; null in transit gateway records
-- column: logged bigint | records | all its records, NODATA and SKIPDATA among them
-- column: skipdata bigint | records | of these, SKIPDATA: records were lost
-- column: records bigint | records | flow-log records with traffic
-- column: accepted bigint | records | of these, accepted
-- column: rejected bigint | records | of these, refused
-- column: bytes bigint | bytes | bytes of the records with traffic
-- column: first_seen timestamptz | UTC | earliest start
-- column: last_seen timestamptz | UTC | latest end
select
    interface_id,
    count(*) as logged,
    count(*) filter (where log_status = 'SKIPDATA') as skipdata,
    count(*) filter (where log_status = 'OK') as records,
    count(*) filter (where log_status = 'OK' and action = 'ACCEPT') as accepted,
    count(*) filter (where log_status = 'OK' and action = 'REJECT') as rejected,
    cast(sum(case when log_status = 'OK' then bytes end) as bigint) as bytes,
    min(start_time) as first_seen,
    max(end_time) as last_seen
from flows
group by interface_id
order by records desc, interface_id
limit $limit
