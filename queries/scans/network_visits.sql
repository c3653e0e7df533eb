-- Sessions of sources that didn't alarm alone, by their network and day.
--
-- reads: visits, judged, networks
-- param: limit bigint = 0 | rows | rows to give; 0 gives all
-- column: day bigint | days | day of the records' start, since 1970-01-01
-- column: srcaddr varchar | | the network
-- column: sessions bigint | sessions | sessions
select visits.day, networks.network as srcaddr, cast(sum(visits.sessions) as bigint) as sessions
from visits
join judged
    on judged.srcaddr = visits.srcaddr
    and judged.tier <> 'scanner'
    and not judged.inside
join networks
    on networks.address = visits.srcaddr
group by visits.day, networks.network
order by day, srcaddr
limit $limit
