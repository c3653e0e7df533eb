-- Ports that many more sources were refused at than on the days before: a wave of scans.
-- A day counts against the port's own median of all days before it in the log, of which there must
-- be three at least; a day on which nobody came counts as none.
--
-- reads: contacts, touched, evidence
-- param: limit bigint = 0 | rows | rows to give; 0 gives all
-- column: day timestamptz | UTC | the day
-- column: protocol integer | | IANA protocol number
-- column: dstport integer | | destination port
-- column: sources bigint | | distinct sources from outside refused on that day
-- column: median_before bigint | | median of that number over the days before
-- column: days_before bigint | days | days before it in the log
with daily as (
    select
        contacts.day,
        contacts.protocol,
        contacts.dstport,
        count(distinct contacts.srcaddr) as sources
    from contacts
    join touched
        on touched.srcaddr = contacts.srcaddr
        and touched.interface_id is not distinct from contacts.interface_id
        and touched.dstaddr = contacts.dstaddr
        and touched.protocol = contacts.protocol
        and touched.dstport = contacts.dstport
    where
        contacts.returns = 0
        and contacts.opens + contacts.unsure > 0
        and contacts.refused > 0
        and not contacts.inside
    group by contacts.day, contacts.protocol, contacts.dstport
),
starts as (
    select min(day) as first_day
    from contacts
),
waves as (
    select
        daily.day,
        daily.protocol,
        daily.dstport,
        daily.sources,
        daily.day - starts.first_day as days_before
    from daily
    cross join starts
    cross join evidence
    where
        daily.sources >= evidence.campaign_sources
        and daily.day - starts.first_day >= evidence.campaign_days
),
ranked as (
    select
        waves.day,
        waves.protocol,
        waves.dstport,
        daily.sources,
        row_number() over (
            partition by waves.day, waves.protocol, waves.dstport
            order by daily.sources desc, daily.day
        ) as place,
        waves.days_before
    from waves
    join daily
        on daily.protocol = waves.protocol
        and daily.dstport = waves.dstport
        and daily.day < waves.day
),
medians as (
    select day, protocol, dstport, sources as median_before
    from ranked
    where place = cast(floor(days_before / 2) as bigint) + 1
)
select
    to_timestamp(waves.day * 86400) as day,
    waves.protocol,
    waves.dstport,
    waves.sources,
    coalesce(medians.median_before, 0) as median_before,
    waves.days_before
from waves
cross join evidence
left join medians
    on medians.day = waves.day
    and medians.protocol = waves.protocol
    and medians.dstport = waves.dstport
where waves.sources >= evidence.campaign_factor * coalesce(medians.median_before, 0)
order by waves.day desc, waves.sources desc, waves.protocol, waves.dstport
limit $limit
