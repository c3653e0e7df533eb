-- Which sources there were in each hour: in all, by ENI, and by protocol and destination port. A store
-- keeps a sketch of each group, which tells how many distinct ones several hours or days have.
--
-- reads: flows
-- param: limit bigint = 0 | rows | rows to give; 0 gives all
-- column: hour bigint | hours | hour of the records' start, since 1970-01-01T00:00:00Z
-- column: grouped varchar | | all, eni or port: what the group is of
-- column: account_id varchar | | AWS account; of an ENI's group
-- column: interface_id varchar | | ENI; of an ENI's group
-- column: action varchar | | ACCEPT or REJECT; null in transit gateway records
-- column: protocol integer | | IANA protocol number; of a port's group
-- column: port integer | | destination port below 32768, else null; of a port's group
-- column: srcaddr varchar | | source
with sources as (
    select
        cast(floor(cast(epoch(start_time) as bigint) / 3600) as bigint) as hour,
        account_id,
        interface_id,
        action,
        protocol,
        case when dstport < 32768 then dstport end as port,
        srcaddr
    from flows
    where log_status = 'OK' and srcaddr is not null
    group by
        cast(floor(cast(epoch(start_time) as bigint) / 3600) as bigint),
        account_id,
        interface_id,
        action,
        protocol,
        case when dstport < 32768 then dstport end,
        srcaddr
),
grouped as (
    select distinct
        hour,
        'all' as grouped,
        null as account_id,
        null as interface_id,
        action,
        null as protocol,
        null as port,
        srcaddr
    from sources
    union all
    select distinct
        hour,
        'eni' as grouped,
        account_id,
        interface_id,
        action,
        null as protocol,
        null as port,
        srcaddr
    from sources
    union all
    select distinct
        hour,
        'port' as grouped,
        null as account_id,
        null as interface_id,
        action,
        protocol,
        port,
        srcaddr
    from sources
)
select hour, grouped, account_id, interface_id, action, protocol, port, srcaddr
from grouped
order by hour, grouped, account_id, interface_id, action, protocol, port, srcaddr
limit $limit
