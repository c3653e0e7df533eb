-- Every source that sent our own side anything: the verdict on it, and its traces.
-- Tiers beyond those of the walk: backscatter (only answers to what nobody here asked), return (only
-- answers to our own connections).
--
-- reads: contacts, judged
-- needs: action
-- param: limit bigint = 0 | rows | rows to give; 0 gives all
-- column: srcaddr varchar | | the source
-- column: inside boolean | | the source is one of our own addresses
-- column: tier varchar | | scanner, likely, probe, benign, backscatter or return
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
-- column: records bigint | records | records from the source
-- column: one_srcport integer | | its source port, if two or more records come from one alone
-- column: syn_bytes bigint | bytes | bytes of a refused TCP packet, if that is a whole number on average
with traces as (
    select
        srcaddr,
        max(inside) as inside,
        cast(sum(records) as bigint) as records,
        count(*) filter (where returns = 0) as unasked,
        min(first_seen) as first_seen,
        max(last_seen) as last_seen,
        min(least_srcport) as least_srcport,
        max(most_srcport) as most_srcport,
        sum(case when protocol = 6 and returns = 0 then refused_packets end) as syns,
        sum(case when protocol = 6 and returns = 0 then refused_bytes end) as syn_bytes
    from contacts
    where records > 0
    group by srcaddr
)
select
    traces.srcaddr,
    traces.inside,
    case
        when judged.tier is not null then judged.tier
        when traces.unasked > 0 then 'backscatter'
        else 'return'
    end as tier,
    coalesce(judged.evidence, 0) as evidence,
    coalesce(judged.bar, 0) as bar,
    judged.shape,
    judged.pace,
    coalesce(judged.contacts, 0) as contacts,
    coalesce(judged.targets, 0) as targets,
    coalesce(judged.hosts, 0) as hosts,
    coalesce(judged.ports, 0) as ports,
    coalesce(judged.first_seen, traces.first_seen) as first_seen,
    coalesce(judged.last_seen, traces.last_seen) as last_seen,
    judged.alarm_at,
    judged.alarm_contact,
    coalesce(judged.answered, 0) as answered,
    coalesce(judged.accepted, 0) as accepted,
    coalesce(judged.sessions, 0) as sessions,
    judged.basis,
    coalesce(judged.refused_icmp, 0) as refused_icmp,
    coalesce(judged.refused_free, 0) as refused_free,
    coalesce(judged.refused_served, 0) as refused_served,
    coalesce(judged.refused_only, 0) as refused_only,
    coalesce(judged.allowed, 0) as allowed,
    coalesce(judged.touches_answered, 0) as touches_answered,
    coalesce(judged.half_open, 0) as half_open,
    coalesce(judged.connectionless, 0) as connectionless,
    coalesce(judged.touches_session, 0) as touches_session,
    coalesce(judged.swept, 0) as swept,
    coalesce(judged.lone, 0) as lone,
    coalesce(judged.insisted, 0) as insisted,
    coalesce(judged.retried, 0) as retried,
    coalesce(judged.found_open, 0) as found_open,
    traces.records,
    case
        when
            traces.records > 1
            and traces.least_srcport = traces.most_srcport
            and traces.least_srcport > 0
            then traces.least_srcport
    end as one_srcport,
    case
        when traces.syns > 0 and traces.syn_bytes % traces.syns = 0
            then cast(floor(traces.syn_bytes / traces.syns) as bigint)
    end as syn_bytes
from traces
left join judged
    on judged.srcaddr = traces.srcaddr
order by evidence desc, srcaddr
limit $limit
