-- Addresses that are our own: private, declared by the user, or proven by an ENI's records. What is
-- proven holds in the network of that ENI (see enis): elsewhere the same IPv4 address may be anybody's.
--
-- reads: flows, enis, declared
-- param: limit bigint = 0 | rows | rows to give; 0 gives all
-- column: address varchar | | address
-- column: network varchar | | network in which it is our own; null for wherever it is met
with addresses as (
    select srcaddr as address
    from flows
    where srcaddr is not null
    union
    select dstaddr as address
    from flows
    where dstaddr is not null
),
proven as (
    select ipv4 as address, network
    from enis
    union
    select ipv6 as address, network
    from enis
),
judged as (
    select
        addresses.address,
        proven.network,
        declared.address is not null
            or case
                when addresses.address like '172.%'
                    then cast(split_part(addresses.address, '.', 2) as integer) between 16 and 31
                when addresses.address like '100.%'
                    then cast(split_part(addresses.address, '.', 2) as integer) between 64 and 127
                else addresses.address like '10.%'
                    or addresses.address like '192.168.%'
                    or addresses.address like '169.254.%'
                    or addresses.address like 'fc__:%'
                    or addresses.address like 'fd__:%'
                    or addresses.address like 'fe80:%'
            end
            or (proven.address is not null and addresses.address like '%:%') as everywhere
    from addresses
    left join proven
        on proven.address = addresses.address
    left join declared
        on declared.address = addresses.address
)
select distinct
    address,
    case when not everywhere then network end as network
from judged
where everywhere or network is not null
order by address, network
limit $limit
