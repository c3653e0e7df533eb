-- ENIs, and what their records prove about them.
-- An address is an ENI's own where flow_direction says so, else where it stands in at least
-- 95 % of the ENI's records of that family. Of two such addresses (a single peer) the private
-- one is taken; a public one is not, if private ones stand in half of these records or more: then it
-- is the one peer of several. If that does not decide it, the address stays null: it is never guessed.
-- The same address in two accounts or VPCs is two hosts; within a network it is one. An ENI's network is
-- its VPC, by its records; else the one VPC that its account's other ENIs name; else its account, if none
-- of them names any; else the ENI alone. Records without an ENI: their own VPC, else their account.
--
-- reads: flows, periods
-- param: limit bigint = 0 | rows | rows to give; 0 gives all
-- column: account_id varchar | | AWS account that owns the ENI
-- column: interface_id varchar | | ENI
-- column: ipv4 varchar | | the ENI's own IPv4 address, null where the records do not prove it
-- column: ipv6 varchar | | the ENI's own IPv6 address, null where the records do not prove it
-- column: capture varchar | | what its log holds: all, rejects, accepts or unknown
-- column: first_record timestamptz | UTC | earliest start, NODATA and SKIPDATA included, outliers (see periods) not
-- column: last_record timestamptz | UTC | latest end, NODATA and SKIPDATA included, outliers not
-- column: aggregation_seconds bigint | seconds | 60 when no record spans more than that, else 600
-- column: records bigint | records | flow-log records with traffic
-- column: network varchar | | VPC, account or ENI within which an address is one host
with seconds as (
    select
        account_id,
        interface_id,
        vpc_id,
        log_status,
        action,
        cast(epoch(start_time) as bigint) as first_second,
        cast(epoch(end_time) as bigint) as last_second
    from flows
    where interface_id is not null
),
days as (
    select
        account_id,
        interface_id,
        cast(floor(first_second / 86400) as bigint) * 86400 as day,
        max(vpc_id) as vpc_id,
        count(*) filter (where log_status = 'OK') as records,
        count(*) filter (where log_status = 'OK' and action = 'ACCEPT') as accepts,
        count(*) filter (where log_status = 'OK' and action = 'REJECT') as rejects,
        min(first_second) as first_second,
        max(
            case
                when last_second - first_second <= 86400 then last_second
                else first_second
            end
        ) as last_second,
        max(
            case
                when last_second - first_second <= 86400 then last_second - first_second
            end
        ) as longest
    from seconds
    group by account_id, interface_id, cast(floor(first_second / 86400) as bigint) * 86400
),
outliers as (
    select
        cast(epoch(first_start) as bigint) as first_start,
        cast(epoch(last_start) as bigint) as last_start
    from periods
    where outlier
),
interfaces as (
    select
        days.account_id,
        days.interface_id,
        max(days.vpc_id) as vpc_id,
        sum(days.records) as records,
        sum(days.accepts) as accepts,
        sum(days.rejects) as rejects,
        coalesce(
            min(case when outliers.first_start is null then days.first_second end),
            min(days.first_second)
        ) as first_second,
        coalesce(
            max(case when outliers.first_start is null then days.last_second end),
            max(days.last_second)
        ) as last_second,
        max(days.longest) as longest
    from days
    left join outliers
        on days.first_second between outliers.first_start and outliers.last_start
    group by days.account_id, days.interface_id
),
sources as (
    select
        account_id,
        interface_id,
        srcaddr as address,
        count(*) as records,
        count(*) filter (where srcaddr = dstaddr) as to_itself,
        count(*) filter (where flow_direction = 'egress') as egress
    from flows
    where interface_id is not null and log_status = 'OK'
    group by account_id, interface_id, srcaddr
),
targets as (
    select
        account_id,
        interface_id,
        dstaddr as address,
        count(*) as records,
        count(*) filter (where flow_direction = 'ingress') as ingress
    from flows
    where interface_id is not null and log_status = 'OK'
    group by account_id, interface_id, dstaddr
),
families as (
    select
        account_id,
        interface_id,
        address like '%:%' as is_ipv6,
        sum(records) as records
    from sources
    where address is not null
    group by account_id, interface_id, address like '%:%'
),
ends as (
    select account_id, interface_id, address, records - to_itself as records, egress as directed
    from sources
    where address is not null
    union all
    select account_id, interface_id, address, records, ingress as directed
    from targets
    where address is not null
),
shares as (
    select
        account_id,
        interface_id,
        address,
        address like '%:%' as is_ipv6,
        case
            when address like '172.%'
                then cast(split_part(address, '.', 2) as integer) between 16 and 31
            when address like '100.%'
                then cast(split_part(address, '.', 2) as integer) between 64 and 127
            else address like '10.%'
                or address like '192.168.%'
                or address like '169.254.%'
                or address like 'fc__:%'
                or address like 'fd__:%'
                or address like 'fe80:%'
        end as is_private,
        sum(records) as records,
        sum(directed) as directed
    from ends
    group by account_id, interface_id, address
),
privates as (
    select account_id, interface_id, is_ipv6, sum(records) as records
    from shares
    where is_private
    group by account_id, interface_id, is_ipv6
),
candidates as (
    select
        shares.account_id,
        shares.interface_id,
        shares.address,
        shares.is_ipv6,
        shares.is_private,
        shares.directed
    from shares
    join families
        on families.interface_id = shares.interface_id
        and families.account_id is not distinct from shares.account_id
        and families.is_ipv6 = shares.is_ipv6
    left join privates
        on privates.interface_id = shares.interface_id
        and privates.account_id is not distinct from shares.account_id
        and privates.is_ipv6 = shares.is_ipv6
    where
        shares.directed > 0
        or (
            shares.records * 100 >= families.records * 95
            and (shares.is_private or coalesce(privates.records, 0) * 2 < families.records)
        )
),
ranked as (
    select
        account_id,
        interface_id,
        address,
        is_ipv6,
        is_private,
        directed,
        row_number() over (
            partition by account_id, interface_id, is_ipv6
            order by directed desc, is_private desc, address
        ) as place,
        count(*) over (partition by account_id, interface_id, is_ipv6, is_private) as alike
    from candidates
),
own as (
    select
        account_id,
        interface_id,
        max(case when not is_ipv6 then address end) as ipv4,
        max(case when is_ipv6 then address end) as ipv6
    from ranked
    where place = 1 and (directed > 0 or alike = 1)
    group by account_id, interface_id
),
homes as (
    select
        interface_id,
        max(vpc_id) as vpc_id,
        max(case when account_id <> 'unknown' then account_id end) as account_id
    from interfaces
    group by interface_id
),
accounts as (
    select account_id, count(distinct vpc_id) as vpcs, min(vpc_id) as vpc_id
    from homes
    group by account_id
),
placed as (
    select
        homes.interface_id,
        case
            when homes.vpc_id is not null then homes.vpc_id
            when accounts.vpcs = 1 then accounts.vpc_id
            when accounts.vpcs = 0 then accounts.account_id
            else homes.interface_id
        end as network
    from homes
    left join accounts
        on accounts.account_id = homes.account_id
)
select
    interfaces.account_id,
    interfaces.interface_id,
    own.ipv4,
    own.ipv6,
    case
        when interfaces.accepts > 0 and interfaces.rejects > 0 then 'all'
        when interfaces.accepts + interfaces.rejects = 0 then 'unknown'
        when interfaces.records < 1000
            and interfaces.last_second - interfaces.first_second < 86400
            then 'unknown'
        when interfaces.accepts = 0 then 'rejects'
        else 'accepts'
    end as capture,
    to_timestamp(interfaces.first_second) as first_record,
    to_timestamp(interfaces.last_second) as last_record,
    cast(case when interfaces.longest > 60 then 600 else 60 end as bigint) as aggregation_seconds,
    cast(interfaces.records as bigint) as records,
    placed.network
from interfaces
join placed
    on placed.interface_id = interfaces.interface_id
left join own
    on own.interface_id = interfaces.interface_id
    and own.account_id is not distinct from interfaces.account_id
order by interfaces.records desc, interfaces.account_id, interfaces.interface_id
limit $limit
