-- Pairs of addresses by bytes. Several ENIs may have logged the same traffic, so a pair counts
-- at one of them alone: the one that saw most bytes.
--
-- reads: flows
-- param: limit bigint = 0 | rows | rows to give; 0 gives all
-- column: srcaddr varchar | | source address
-- column: dstaddr varchar | | destination address
-- column: bytes bigint | bytes | bytes from source to destination, as observed_at saw them
-- column: packets bigint | packets | packets, as observed_at saw them
-- column: records bigint | records | flow-log records with traffic of observed_at
-- column: observed_at varchar | | ENI whose records alone count here
with sums as (
    select
        srcaddr,
        dstaddr,
        interface_id,
        count(*) as records,
        cast(sum(packets) as bigint) as packets,
        cast(sum(bytes) as bigint) as bytes
    from flows
    where log_status = 'OK'
    group by srcaddr, dstaddr, interface_id
),
ranked as (
    select
        srcaddr,
        dstaddr,
        interface_id,
        records,
        packets,
        bytes,
        row_number() over (
            partition by srcaddr, dstaddr
            order by bytes desc, interface_id
        ) as place
    from sums
)
select
    srcaddr,
    dstaddr,
    bytes,
    packets,
    records,
    interface_id as observed_at
from ranked
where place = 1
order by bytes desc, srcaddr, dstaddr
limit $limit
