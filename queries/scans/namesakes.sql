-- Our own addresses that more than one host has, as each ENI saw them, and what such a host is called.
-- The host is that of the same VPC, else the one host of the same account that has the address, else
-- one of its own in the network of the ENI that saw it.
--
-- reads: exchanges
-- param: limit bigint = 0 | rows | rows to give; 0 gives all
-- column: peer varchar | | the address
-- column: interface_id varchar | | ENI that saw it
-- column: srcaddr varchar | | the address, @, and the VPC of the host, else its account
with logs as (
    select interface_id, max(account_id) as account_id, max(vpc_id) as vpc_id
    from exchanges
    group by interface_id
),
met as (
    select distinct peer, interface_id, called is not null as at_home
    from exchanges
    where inside
),
seen as (
    select met.peer, met.interface_id, logs.account_id, logs.vpc_id, met.at_home
    from met
    join logs
        on logs.interface_id is not distinct from met.interface_id
),
peers as (
    select distinct peer
    from seen
),
hosts as (
    select distinct address, interface_id
    from exchanges
    where called is null
),
homes as (
    select hosts.address as peer, logs.account_id, logs.vpc_id
    from hosts
    join logs
        on logs.interface_id is not distinct from hosts.interface_id
    join peers
        on peers.peer = hosts.address
    union
    select peer, account_id, vpc_id
    from seen
    where at_home
),
alone as (
    select peer, account_id, max(vpc_id) as vpc_id
    from homes
    group by peer, account_id
    having count(*) = 1
),
placed as (
    select
        seen.peer,
        seen.interface_id,
        coalesce(homes.vpc_id, alone.vpc_id, seen.vpc_id, seen.account_id, 'unknown') as network
    from seen
    left join homes
        on homes.peer = seen.peer
        and homes.account_id is not distinct from seen.account_id
        and homes.vpc_id is not distinct from seen.vpc_id
    left join alone
        on alone.peer = seen.peer
        and alone.account_id is not distinct from seen.account_id
),
several as (
    select peer
    from placed
    group by peer
    having min(network) < max(network)
)
select distinct placed.peer, placed.interface_id, placed.peer || '@' || placed.network as srcaddr
from placed
join several
    on several.peer = placed.peer
order by placed.peer, placed.interface_id
limit $limit
