-- The summaries that a job's alerts and tables ask, over what the store has of the intervals:
-- `records` and `sources` (its rollups), and `told` (what the ledger says of each interval).

create table intervals as
with sums as (
    select
        start_time,
        sum(records) as records,
        sum(records) filter (where action = 'ACCEPT') as accepted,
        sum(records) filter (where action = 'REJECT') as rejected,
        sum(packets) as packets,
        sum(bytes) as bytes,
        sum(bytes) filter (where action = 'REJECT') as rejected_bytes,
        count(distinct interface_id) as enis,
        sum(nodata) as nodata,
        sum(skipdata) as skipdata
    from records
    group by start_time
)
select
    told.start_time,
    told.end_time,
    cast(sums.records as bigint) as records,
    cast(coalesce(sums.accepted, 0) as bigint) as accepted,
    cast(coalesce(sums.rejected, 0) as bigint) as rejected,
    cast(sums.packets as bigint) as packets,
    cast(sums.bytes as bigint) as bytes,
    cast(coalesce(sums.rejected_bytes, 0) as bigint) as rejected_bytes,
    told.sources,
    sums.enis,
    cast(sums.nodata as bigint) as nodata,
    cast(sums.skipdata as bigint) as skipdata,
    told.malformed,
    told.new_scanners
from sums
join told
    on told.start_time = sums.start_time
order by told.start_time;

create view ports as
select
    records.start_time,
    records.action,
    records.protocol,
    records.port,
    cast(sum(records.records) as bigint) as records,
    cast(sum(records.packets) as bigint) as packets,
    cast(sum(records.bytes) as bigint) as bytes,
    max(sources.sources) as sources
from records
left join sources
    on sources.grouped = 'port'
    and sources.start_time = records.start_time
    and sources.action is not distinct from records.action
    and sources.protocol is not distinct from records.protocol
    and sources.port is not distinct from records.port
where records.records > 0
group by records.start_time, records.action, records.protocol, records.port;

create view enis as
select
    records.start_time,
    records.account_id,
    records.interface_id,
    records.action,
    cast(sum(records.records) as bigint) as records,
    cast(sum(records.packets) as bigint) as packets,
    cast(sum(records.bytes) as bigint) as bytes,
    max(sources.sources) as sources
from records
left join sources
    on sources.grouped = 'eni'
    and sources.start_time = records.start_time
    and sources.account_id is not distinct from records.account_id
    and sources.interface_id is not distinct from records.interface_id
    and sources.action is not distinct from records.action
where records.records > 0
group by records.start_time, records.account_id, records.interface_id, records.action;
