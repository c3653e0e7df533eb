-- Who really talks where an ENI only passes packets on: NAT gateways, load balancers, pods.
-- Pairs of the packets' own addresses that differ from the addresses of the flow, and the ENI that
-- they went through. By bytes; what passes several ENIs counts at each of them.
--
-- reads: flows
-- needs: pkt_srcaddr, pkt_dstaddr
-- param: limit bigint = 0 | rows | rows to give; 0 gives all
-- column: pkt_srcaddr varchar | | source address in the packets themselves
-- column: pkt_dstaddr varchar | | destination address in the packets themselves
-- column: bytes bigint | bytes | bytes of these records
-- column: packets bigint | packets | packets of these records
-- column: records bigint | records | flow-log records with traffic
-- column: srcaddr varchar | | source address that the ENI logged
-- column: dstaddr varchar | | destination address that the ENI logged
-- column: interface_id varchar | | ENI that they went through
-- column: rejected bigint | records | of the records, refused ones
-- column: first_seen timestamptz | UTC | earliest start
-- column: last_seen timestamptz | UTC | latest end
select
    pkt_srcaddr,
    pkt_dstaddr,
    cast(sum(bytes) as bigint) as bytes,
    cast(sum(packets) as bigint) as packets,
    count(*) as records,
    srcaddr,
    dstaddr,
    interface_id,
    count(*) filter (where action = 'REJECT') as rejected,
    min(start_time) as first_seen,
    max(end_time) as last_seen
from flows
where log_status = 'OK' and (pkt_srcaddr <> srcaddr or pkt_dstaddr <> dstaddr)
group by pkt_srcaddr, pkt_dstaddr, srcaddr, dstaddr, interface_id
order by bytes desc, pkt_srcaddr, pkt_dstaddr, srcaddr, dstaddr, interface_id
limit $limit
