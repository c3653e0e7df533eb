-- The verdict on each source that touched a target: tier, evidence, and what it rests on.
-- Tiers: scanner (the walk reached the bar), probe (few targets, all refused, nothing else), likely
-- (the walk ends above the lower bar, and as many touches speak against the source as a probe may
-- have), benign. The walk's evidence is its peak for a scanner, and its end for all others; the
-- counts of touches are of those since it last was at nothing.
--
-- reads: walk, targets, visits, evidence
-- param: limit bigint = 0 | rows | rows to give; 0 gives all
-- column: srcaddr varchar | | the source
-- column: inside boolean | | the source is one of our own addresses
-- column: tier varchar | | scanner, likely, probe or benign
-- column: evidence bigint | micro-nats | evidence for a scanner
-- column: bar bigint | micro-nats | evidence that makes an alarm of this source
-- column: shape varchar | | vertical, horizontal, block or random; null below likely
-- column: pace varchar | | fast, medium or slow, by the median gap; null below likely
-- column: contacts bigint | | families of services touched
-- column: targets bigint | | targets touched: ENI, address, protocol and port
-- column: hosts bigint | | hosts touched: ENI and address
-- column: ports bigint | | ports touched: protocol and port
-- column: first_seen timestamptz | UTC | earliest start
-- column: last_seen timestamptz | UTC | latest end
-- column: alarm_at timestamptz | UTC | time of the touch that made the alarm
-- column: alarm_contact bigint | | number of the touch that made the alarm
-- column: answered bigint | | targets that answered
-- column: accepted bigint | | targets that accepted something
-- column: sessions bigint | sessions | sessions by their SYN; without flags, records of sessions
-- column: basis varchar | | all, or rejects only: no sessions could be seen
-- column: refused_icmp bigint | | touches of ICMP refused
-- column: refused_free bigint | | touches refused where nobody is served
-- column: refused_served bigint | | touches refused where others are served
-- column: refused_only bigint | | touches refused where the log holds rejects alone
-- column: allowed bigint | | touches allowed without an answer
-- column: touches_answered bigint | | touches answered and no more
-- column: half_open bigint | | touches left half-open
-- column: connectionless bigint | | touches allowed without connections
-- column: touches_session bigint | | touches that became a session
-- column: swept bigint | | touches of a host of ours in a sweep that were neither served nor answered
-- column: lone bigint | | the same at a commonly probed port, in no sweep
-- column: insisted bigint | | the same where it insisted
-- column: retried bigint | | the same where it tried again, at web, mail, name and time servers
-- column: found_open bigint | | touches of a host of ours in a sweep that became a session
with known as (
    select srcaddr, sum(sessions) as sessions, count(distinct day) as days
    from visits
    group by srcaddr
),
steps as (
    select
        walk.srcaddr,
        walk.inside,
        walk.step,
        walk.first_seen,
        walk.outcome,
        walk.rejects_only,
        walk.sweep,
        walk.family between 65536 and 131071
            or walk.family between 58 * 65536 and 59 * 65536 - 1 as icmp,
        walk.weight,
        walk.faded,
        walk.high,
        walk.evidence,
        coalesce(known.sessions, 0) as sessions,
        evidence.alarm
            + case when walk.inside then evidence.inside else 0 end
            + case
                when
                    not walk.inside
                    and known.sessions >= evidence.trust_sessions
                    and known.days >= evidence.trust_days
                    then evidence.trust
                else 0
            end as bar
    from walk
    cross join evidence
    left join known
        on known.srcaddr = walk.srcaddr
),
sources as (
    select
        srcaddr,
        max(inside) as inside,
        max(bar) as bar,
        max(sessions) as sessions,
        count(*) as contacts,
        count(*) filter (where outcome > 1) as let_in,
        count(*) filter (where weight > 0) as against,
        count(*) filter (where not rejects_only) as judged_whole,
        max(evidence) as peak,
        sum(weight) - max(faded) - least(0, min(high - greatest(0, weight))) as ending,
        min(case when evidence >= bar then step end) as alarm_contact,
        min(case when evidence >= bar then first_seen end) as alarm_at
    from steps
    group by srcaddr
),
tiers as (
    select
        sources.srcaddr,
        sources.inside,
        sources.bar,
        sources.sessions,
        sources.contacts,
        sources.judged_whole,
        sources.alarm_contact,
        sources.alarm_at,
        case when sources.alarm_contact is null then sources.ending else sources.peak end
            as evidence,
        case
            when sources.alarm_contact is not null then 'scanner'
            when sources.let_in = 0 and sources.contacts <= evidence.probe_contacts then 'probe'
            when
                sources.ending >= evidence.likely + sources.bar - evidence.alarm
                and sources.against >= evidence.probe_contacts
                then 'likely'
            else 'benign'
        end as tier
    from sources
    cross join evidence
),
suspects as (
    select srcaddr, contacts, evidence, alarm_contact
    from tiers
    where tier in ('scanner', 'likely')
),
suspected as (
    select
        steps.srcaddr,
        steps.step,
        steps.first_seen,
        steps.outcome,
        steps.rejects_only,
        steps.sweep,
        steps.icmp,
        steps.weight,
        steps.evidence,
        suspects.contacts,
        case
            when suspects.alarm_contact is null then suspects.contacts
            else min(case when steps.evidence = suspects.evidence then steps.step end) over (
                partition by steps.srcaddr
            )
        end as top,
        cast(epoch(steps.first_seen) as bigint) - max(
            cast(epoch(steps.first_seen) as bigint)
        ) over (
            partition by steps.srcaddr order by steps.step
            rows between 1 preceding and 1 preceding
        ) as gap
    from steps
    join suspects
        on suspects.srcaddr = steps.srcaddr
),
grounds as (
    select
        srcaddr,
        step,
        outcome,
        rejects_only,
        sweep,
        icmp,
        top,
        max(
            case
                when step > top then 0
                when evidence = 0 then step + 1
                when evidence = weight then step
            end
        ) over (partition by srcaddr) as bottom
    from suspected
),
reasons as (
    select
        srcaddr,
        count(*) filter (where outcome < 2 and icmp) as refused_icmp,
        count(*) filter (where sweep = 0 and outcome = 0 and not icmp and not rejects_only)
            as refused_free,
        count(*) filter (where sweep = 0 and outcome = 1 and not icmp and not rejects_only)
            as refused_served,
        count(*) filter (where sweep = 0 and outcome < 2 and not icmp and rejects_only)
            as refused_only,
        count(*) filter (where sweep = 0 and outcome = 2) as allowed,
        count(*) filter (where sweep = 0 and outcome = 3) as touches_answered,
        count(*) filter (where sweep = 0 and outcome = 4) as half_open,
        count(*) filter (where sweep = 0 and outcome = 5) as connectionless,
        count(*) filter (where sweep = 0 and outcome = 6) as touches_session,
        count(*) filter (where sweep = 1) as swept,
        count(*) filter (where sweep = 2) as lone,
        count(*) filter (where sweep = 3) as insisted,
        count(*) filter (where sweep = 4) as retried,
        count(*) filter (where sweep = 5) as found_open
    from grounds
    where step between bottom and top
    group by srcaddr
),
gaps as (
    select
        srcaddr,
        gap,
        row_number() over (partition by srcaddr order by gap) as place,
        count(*) over (partition by srcaddr) as gaps
    from suspected
    where gap is not null
),
paces as (
    select srcaddr, max(gap) as gap
    from gaps
    where place * 2 between gaps and gaps + 1
    group by srcaddr
),
by_host as (
    select srcaddr, interface_id, dstaddr, count(*) as ports
    from targets
    group by srcaddr, interface_id, dstaddr
),
hosts as (
    select srcaddr, count(*) as hosts, max(ports) as most_ports
    from by_host
    group by srcaddr
),
by_port as (
    select srcaddr, protocol, dstport, count(*) as hosts
    from targets
    group by srcaddr, protocol, dstport
),
ports as (
    select srcaddr, count(*) as ports, max(hosts) as most_hosts
    from by_port
    group by srcaddr
),
sums as (
    select
        srcaddr,
        count(*) as targets,
        count(*) filter (where answers > 0) as answered,
        count(*) filter (where accepted > 0) as accepted,
        min(first_seen) as first_seen,
        max(last_seen) as last_seen
    from targets
    group by srcaddr
)
select
    tiers.srcaddr,
    tiers.inside,
    tiers.tier,
    cast(tiers.evidence as bigint) as evidence,
    tiers.bar,
    case
        when tiers.tier not in ('scanner', 'likely') then null
        when
            hosts.most_ports >= evidence.vertical_ports
            and hosts.most_ports >= evidence.vertical_share * sums.targets
            then 'vertical'
        when
            ports.most_hosts >= evidence.horizontal_hosts
            and ports.most_hosts >= evidence.horizontal_share * sums.targets
            then 'horizontal'
        when
            hosts.hosts >= evidence.block_side
            and ports.ports >= evidence.block_side
            and sums.targets >= evidence.block_share * hosts.hosts * ports.ports
            then 'block'
        when ports.ports <= evidence.few then 'horizontal'
        when hosts.hosts <= evidence.few and ports.ports >= evidence.vertical_ports then 'vertical'
        else 'random'
    end as shape,
    case
        when tiers.tier not in ('scanner', 'likely') then null
        when paces.gap < evidence.fast then 'fast'
        when paces.gap > evidence.slow then 'slow'
        else 'medium'
    end as pace,
    tiers.contacts,
    sums.targets,
    hosts.hosts,
    ports.ports,
    sums.first_seen,
    sums.last_seen,
    tiers.alarm_at,
    tiers.alarm_contact,
    sums.answered,
    sums.accepted,
    cast(tiers.sessions as bigint) as sessions,
    case when tiers.judged_whole = 0 then 'rejects only' else 'all' end as basis,
    coalesce(reasons.refused_icmp, 0) as refused_icmp,
    coalesce(reasons.refused_free, 0) as refused_free,
    coalesce(reasons.refused_served, 0) as refused_served,
    coalesce(reasons.refused_only, 0) as refused_only,
    coalesce(reasons.allowed, 0) as allowed,
    coalesce(reasons.touches_answered, 0) as touches_answered,
    coalesce(reasons.half_open, 0) as half_open,
    coalesce(reasons.connectionless, 0) as connectionless,
    coalesce(reasons.touches_session, 0) as touches_session,
    coalesce(reasons.swept, 0) as swept,
    coalesce(reasons.lone, 0) as lone,
    coalesce(reasons.insisted, 0) as insisted,
    coalesce(reasons.retried, 0) as retried,
    coalesce(reasons.found_open, 0) as found_open
from tiers
cross join evidence
join sums
    on sums.srcaddr = tiers.srcaddr
join hosts
    on hosts.srcaddr = tiers.srcaddr
join ports
    on ports.srcaddr = tiers.srcaddr
left join paces
    on paces.srcaddr = tiers.srcaddr
left join reasons
    on reasons.srcaddr = tiers.srcaddr
order by evidence desc, srcaddr
limit $limit
