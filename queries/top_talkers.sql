-- Pairs of addresses by bytes. Several ENIs, or attachments of a transit gateway, may have logged
-- the same traffic, so a pair counts at one of them alone: the one that saw most bytes.
--
-- reads: flows
-- param: limit bigint = 0 | rows | rows to give; 0 gives all
-- column: srcaddr varchar | | source address
-- column: dstaddr varchar | | destination address
-- column: bytes bigint | bytes | bytes from source to destination, as observed_at saw them
-- column: packets bigint | packets | packets, as observed_at saw them
-- column: records bigint | records | flow-log records with traffic of observed_at
-- column: observed_at varchar | | ENI, attachment or NAT gateway whose records count
with sums as (
    select
        srcaddr,
        dstaddr,
        coalesce(interface_id, tgw_attachment_id, resource_id) as observed_at,
        count(*) as records,
        cast(sum(packets) as bigint) as packets,
        cast(sum(bytes) as bigint) as bytes
    from flows
    where log_status = 'OK'
    group by srcaddr, dstaddr, coalesce(interface_id, tgw_attachment_id, resource_id)
),
ranked as (
    select
        srcaddr,
        dstaddr,
        observed_at,
        records,
        packets,
        bytes,
        row_number() over (
            partition by srcaddr, dstaddr
            order by bytes desc, observed_at
        ) as place
    from sums
)
select
    srcaddr,
    dstaddr,
    bytes,
    packets,
    records,
    observed_at
from ranked
where place = 1
order by bytes desc, srcaddr, dstaddr
limit $limit
