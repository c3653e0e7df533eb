-- Replies that were refused although the request had been accepted, and why, most likely.
-- A reply is a late record (see refusals) from the lower of its two ports, or of ICMP, whose request the
-- same ENI accepted. nacl: no reply from that peer and port was ever accepted there; of ICMP always,
-- which has no connection. expired: the request had been silent for 350 s (TCP) or 180 s (UDP). closed:
-- otherwise.
--
-- reads: flows, refusals, enis
-- needs: action
-- param: limit bigint = 0 | rows | rows to give; 0 gives all
-- column: interface_id varchar | | ENI that logged the records
-- column: side varchar | | server: our reply was refused; client: the answer to our client was
-- column: peer varchar | | address at the other end
-- column: port integer | | the service's port; 0 for ICMP, which has none
-- column: records bigint | records | refused replies
-- column: likely_cause varchar | | nacl, expired or closed
-- column: replies_accepted_before bigint | records | replies accepted before the first refused one
-- column: first_seen timestamptz | UTC | earliest start
-- column: last_seen timestamptz | UTC | latest end
with own as (
    select
        interface_id,
        min(ipv4) as ipv4,
        min(ipv6) as ipv6
    from enis
    group by interface_id
),
late as (
    select
        refusals.interface_id,
        refusals.srcaddr,
        refusals.dstaddr,
        refusals.protocol,
        refusals.srcport,
        refusals.dstport,
        refusals.records,
        refusals.first_seen,
        refusals.last_seen,
        case
            when refusals.srcaddr in (own.ipv4, own.ipv6) then 'server'
            when refusals.dstaddr in (own.ipv4, own.ipv6) then 'client'
            when refusals.from_own and not refusals.to_own then 'server'
            when refusals.to_own and not refusals.from_own then 'client'
            else 'unknown'
        end as side
    from refusals
    join own
        on own.interface_id = refusals.interface_id
    where
        refusals.class = 'late'
        and refusals.mirrored
        and (refusals.srcport < refusals.dstport or refusals.protocol in (1, 58))
),
requests as (
    select
        late.interface_id,
        late.srcaddr,
        late.dstaddr,
        late.protocol,
        late.srcport,
        late.dstport,
        max(case when flows.start_time <= late.first_seen then flows.end_time end) as last_request
    from flows
    join late
        on flows.interface_id = late.interface_id
        and flows.srcaddr = late.dstaddr
        and flows.dstaddr = late.srcaddr
        and flows.protocol = late.protocol
        and flows.srcport = late.dstport
        and flows.dstport = late.srcport
    where
        flows.log_status = 'OK'
        and flows.action = 'ACCEPT'
        and flows.start_time <= late.last_seen
    group by
        late.interface_id,
        late.srcaddr,
        late.dstaddr,
        late.protocol,
        late.srcport,
        late.dstport
),
conversations as (
    select
        late.interface_id,
        late.side,
        case late.side
            when 'server' then late.dstaddr
            when 'client' then late.srcaddr
        end as peer,
        late.srcaddr,
        late.dstaddr,
        late.protocol,
        late.srcport as port,
        late.records,
        late.first_seen,
        late.last_seen,
        cast(epoch(late.first_seen) as bigint)
            - cast(epoch(requests.last_request) as bigint) as idle_seconds
    from late
    join requests
        on requests.interface_id = late.interface_id
        and requests.srcaddr = late.srcaddr
        and requests.dstaddr = late.dstaddr
        and requests.protocol = late.protocol
        and requests.srcport = late.srcport
        and requests.dstport = late.dstport
),
refused as (
    select
        interface_id,
        side,
        peer,
        srcaddr,
        dstaddr,
        protocol,
        port,
        min(first_seen) as first_seen
    from conversations
    group by interface_id, side, peer, srcaddr, dstaddr, protocol, port
),
accepted as (
    select
        refused.interface_id,
        refused.srcaddr,
        refused.dstaddr,
        refused.protocol,
        refused.port,
        count(*) as replies,
        count(*) filter (where flows.start_time < refused.first_seen) as replies_before
    from flows
    join refused
        on flows.interface_id = refused.interface_id
        and flows.srcaddr = refused.srcaddr
        and flows.dstaddr = refused.dstaddr
        and flows.protocol = refused.protocol
        and flows.srcport = refused.port
    where flows.log_status = 'OK' and flows.action = 'ACCEPT'
    group by
        refused.interface_id,
        refused.srcaddr,
        refused.dstaddr,
        refused.protocol,
        refused.port
),
causes as (
    select
        conversations.interface_id,
        conversations.side,
        conversations.peer,
        conversations.srcaddr,
        conversations.dstaddr,
        conversations.protocol,
        conversations.port,
        conversations.records,
        conversations.first_seen,
        conversations.last_seen,
        case
            when accepted.replies is null or conversations.protocol in (1, 58) then 'nacl'
            when conversations.protocol = 17 and conversations.idle_seconds >= 180 then 'expired'
            when conversations.protocol = 6 and conversations.idle_seconds >= 350 then 'expired'
            else 'closed'
        end as likely_cause,
        coalesce(accepted.replies_before, 0) as replies_before
    from conversations
    left join accepted
        on accepted.interface_id = conversations.interface_id
        and accepted.srcaddr = conversations.srcaddr
        and accepted.dstaddr = conversations.dstaddr
        and accepted.protocol = conversations.protocol
        and accepted.port = conversations.port
),
pairs as (
    select
        interface_id,
        side,
        peer,
        port,
        likely_cause,
        sum(records) as records,
        max(replies_before) as replies_before,
        min(first_seen) as first_seen,
        max(last_seen) as last_seen
    from causes
    group by interface_id, side, peer, srcaddr, dstaddr, protocol, port, likely_cause
)
select
    interface_id,
    side,
    peer,
    port,
    cast(sum(records) as bigint) as records,
    likely_cause,
    cast(sum(replies_before) as bigint) as replies_accepted_before,
    min(first_seen) as first_seen,
    max(last_seen) as last_seen
from pairs
group by interface_id, side, peer, port, likely_cause
order by records desc, interface_id, side, peer, port, likely_cause
limit $limit
