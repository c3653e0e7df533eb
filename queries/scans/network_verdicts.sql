-- The verdicts on networks that alarmed as one, with the number of their sources that took part.
--
-- reads: judged, networks
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
-- column: members bigint | | sources of the network that touched a target and didn't alarm alone
with members as (
    select network, count(*) as members
    from networks
    group by network
)
select
    judged.srcaddr,
    judged.inside,
    judged.tier,
    judged.evidence,
    judged.bar,
    judged.shape,
    judged.pace,
    judged.contacts,
    judged.targets,
    judged.hosts,
    judged.ports,
    judged.first_seen,
    judged.last_seen,
    judged.alarm_at,
    judged.alarm_contact,
    judged.answered,
    judged.accepted,
    judged.sessions,
    judged.basis,
    judged.refused_icmp,
    judged.refused_free,
    judged.refused_served,
    judged.refused_only,
    judged.allowed,
    judged.touches_answered,
    judged.half_open,
    judged.connectionless,
    judged.touches_session,
    judged.swept,
    judged.lone,
    judged.insisted,
    judged.retried,
    judged.found_open,
    members.members
from judged
join members
    on members.network = judged.srcaddr
where judged.tier = 'scanner'
order by judged.evidence desc, judged.srcaddr
limit $limit
