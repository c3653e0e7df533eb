-- Sessions of sources that didn't alarm alone, by their network and day.
--
-- reads: sessions, judged, networks
-- param: limit bigint = 0 | rows | rows to give; 0 gives all
-- column: day bigint | days | day of the records' start, since 1970-01-01
-- column: srcaddr varchar | | the network
-- column: sessions bigint | sessions | sessions
select sessions.day, networks.network as srcaddr, cast(sum(sessions.sessions) as bigint) as sessions
from sessions
join judged
    on judged.srcaddr = sessions.srcaddr
    and judged.tier <> 'scanner'
    and not judged.inside
join networks
    on networks.address = sessions.srcaddr
group by sessions.day, networks.network
order by day, srcaddr
limit $limit
