-- Rejected traffic by class (see refusals), source, destination, protocol, port and ENI that rejects.
-- It says whether the same worked before: what worked and stopped working is an outage.
-- It worked if this ENI accepted it, or if an answer came back, seen at any ENI of its network (see
-- enis); that a sender's ENI let it out is no success. It did not if this ENI logged other accepted
-- traffic before, or if another ENI of the network did let it through and nothing came back.
--
-- reads: flows, enis, refusals, services
-- needs: action
-- param: limit bigint = 0 | rows | rows to give; 0 gives all
-- column: class varchar | | late, internal, inbound, outbound or unknown
-- column: srcaddr varchar | | source address
-- column: dstaddr varchar | | destination address
-- column: protocol integer | | IANA protocol number
-- column: dstport integer | | destination port; 0 for ICMP, which has none
-- column: records bigint | records | rejected flow-log records
-- column: first_seen timestamptz | UTC | earliest start
-- column: last_seen timestamptz | UTC | latest end
-- column: worked_before boolean | | it worked before first_seen; null where that cannot be told
-- column: interface_id varchar | | ENI that rejects
with places as (
    select interface_id, min(network) as network
    from enis
    group by interface_id
),
pairs as (
    select
        class,
        srcaddr,
        dstaddr,
        protocol,
        dstport,
        interface_id,
        network,
        cast(sum(records) as bigint) as records,
        min(first_seen) as first_seen,
        max(last_seen) as last_seen
    from refusals
    group by class, srcaddr, dstaddr, protocol, dstport, interface_id, network
),
requests as (
    select
        pairs.class,
        pairs.srcaddr,
        pairs.dstaddr,
        pairs.protocol,
        pairs.dstport,
        pairs.interface_id,
        pairs.network,
        count(*) filter (
            where
                flows.interface_id = pairs.interface_id
                and coalesce(
                    flows.interface_type not in ('nat_gateway', 'regional_nat_gateway'),
                    true
                )
        ) as accepted_here,
        min(flows.start_time) as first_seen
    from flows
    join pairs
        on flows.srcaddr = pairs.srcaddr
        and flows.dstaddr = pairs.dstaddr
        and flows.protocol = pairs.protocol
        and flows.dstport = pairs.dstport
        and flows.start_time < pairs.first_seen
    left join places
        on places.interface_id = flows.interface_id
    where
        flows.log_status = 'OK'
        and flows.action = 'ACCEPT'
        and coalesce(places.network, flows.vpc_id, flows.account_id) = pairs.network
    group by
        pairs.class,
        pairs.srcaddr,
        pairs.dstaddr,
        pairs.protocol,
        pairs.dstport,
        pairs.interface_id,
        pairs.network
),
answers as (
    select
        pairs.class,
        pairs.srcaddr,
        pairs.dstaddr,
        pairs.protocol,
        pairs.dstport,
        pairs.interface_id,
        pairs.network,
        count(*) filter (
            where
                flows.srcport <> flows.dstport
                and (probed.port is null or coalesce((flows.tcp_flags & 18) = 18, false))
        ) as certain,
        max(flows.start_time) as last_seen
    from flows
    join pairs
        on flows.srcaddr = pairs.dstaddr
        and flows.dstaddr = pairs.srcaddr
        and flows.protocol = pairs.protocol
        and flows.srcport = pairs.dstport
        and flows.start_time < pairs.first_seen
    left join places
        on places.interface_id = flows.interface_id
    left join services as answering
        on answering.port = flows.srcport
        and answering.protocol = flows.protocol
        and answering.service
    left join services as probed
        on probed.port = flows.dstport
        and probed.protocol = flows.protocol
        and probed.probed
    where
        flows.log_status = 'OK'
        and flows.action = 'ACCEPT'
        and coalesce(places.network, flows.vpc_id, flows.account_id) = pairs.network
        and coalesce(flows.bytes > 0, true)
        and (
            flows.protocol <> 6
            or flows.tcp_flags is null
            or (flows.tcp_flags & 18) = 18
            or (
                (flows.tcp_flags & 18) <> 2
                and ((flows.tcp_flags & 4) = 0 or flows.bytes > flows.packets * 60)
            )
        )
        and (
            probed.port is null
            or coalesce((flows.tcp_flags & 18) = 18, false)
            or flows.srcport = flows.dstport
            or (answering.port is not null and flows.srcport < flows.dstport)
        )
    group by
        pairs.class,
        pairs.srcaddr,
        pairs.dstaddr,
        pairs.protocol,
        pairs.dstport,
        pairs.interface_id,
        pairs.network
),
accepting as (
    select interface_id, min(start_time) as first_seen
    from flows
    where log_status = 'OK' and action = 'ACCEPT'
    group by interface_id
)
select
    pairs.class,
    pairs.srcaddr,
    pairs.dstaddr,
    pairs.protocol,
    pairs.dstport,
    pairs.records,
    pairs.first_seen,
    pairs.last_seen,
    case
        when requests.accepted_here > 0 or answers.certain > 0 then true
        when answers.last_seen >= requests.first_seen then true
        when requests.first_seen is not null or accepting.first_seen < pairs.first_seen then false
    end as worked_before,
    pairs.interface_id
from pairs
left join requests
    on requests.class = pairs.class
    and requests.srcaddr = pairs.srcaddr
    and requests.dstaddr = pairs.dstaddr
    and requests.protocol = pairs.protocol
    and requests.dstport = pairs.dstport
    and requests.interface_id is not distinct from pairs.interface_id
    and requests.network = pairs.network
left join answers
    on answers.class = pairs.class
    and answers.srcaddr = pairs.srcaddr
    and answers.dstaddr = pairs.dstaddr
    and answers.protocol = pairs.protocol
    and answers.dstport = pairs.dstport
    and answers.interface_id is not distinct from pairs.interface_id
    and answers.network = pairs.network
left join accepting
    on accepting.interface_id = pairs.interface_id
order by
    pairs.records desc,
    pairs.class,
    pairs.srcaddr,
    pairs.dstaddr,
    pairs.protocol,
    pairs.dstport,
    pairs.interface_id,
    pairs.network
limit $limit
