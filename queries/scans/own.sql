-- Addresses that are our own: proven by an ENI's records, private, or declared by the user.
--
-- reads: flows, enis, declared
-- param: limit bigint = 0 | rows | rows to give; 0 gives all
-- column: address varchar | | address
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
    select ipv4 as address
    from enis
    union
    select ipv6 as address
    from enis
    union
    select address
    from declared
)
select addresses.address
from addresses
left join proven
    on proven.address = addresses.address
where
    proven.address is not null
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
order by addresses.address
limit $limit
