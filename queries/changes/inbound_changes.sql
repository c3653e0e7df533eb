-- Where something was opened or closed, by ENI, protocol and port.
-- Opened: traffic that opens something is accepted after, and none was accepted before.
-- Closed: it was accepted before, and after there are refusals alone.
-- First what needs no new ENI to explain it; then what had been refused; then what the outside reaches.
--
-- reads: inbound_before, inbound_after, enis_before, enis_after
-- param: limit bigint = 0 | rows | rows to give; 0 gives all
-- column: change varchar | | opened or closed
-- column: interface_id varchar | | ENI
-- column: protocol integer | | IANA protocol number
-- column: dstport integer | | our own side's port
-- column: new_eni boolean | | the ENI is in no record of the other side
-- column: records bigint | records | records accepted that open something, where they are accepted
-- column: bytes bigint | bytes | bytes accepted there
-- column: sources bigint | addresses | distinct sources of these
-- column: outside bigint | addresses | of these, not our own
-- column: rejected_before bigint | records | refused before
-- column: rejected_after bigint | records | refused after
-- column: first_seen timestamptz | UTC | earliest start of what was accepted
-- column: last_seen timestamptz | UTC | latest end of what was accepted
with both_sides as (
    select
        interface_id,
        protocol,
        dstport,
        accepted as accepted_before,
        0 as accepted_after,
        opened as opened_before,
        0 as opened_after,
        rejected as rejected_before,
        0 as rejected_after,
        bytes as bytes_before,
        0 as bytes_after,
        sources as sources_before,
        0 as sources_after,
        outside as outside_before,
        0 as outside_after,
        first_seen as first_before,
        null as first_after,
        last_seen as last_before,
        null as last_after
    from inbound_before
    union all
    select
        interface_id,
        protocol,
        dstport,
        0 as accepted_before,
        accepted as accepted_after,
        0 as opened_before,
        opened as opened_after,
        0 as rejected_before,
        rejected as rejected_after,
        0 as bytes_before,
        bytes as bytes_after,
        0 as sources_before,
        sources as sources_after,
        0 as outside_before,
        outside as outside_after,
        null as first_before,
        first_seen as first_after,
        null as last_before,
        last_seen as last_after
    from inbound_after
),
sums as (
    select
        interface_id,
        protocol,
        dstport,
        max(accepted_before) as accepted_before,
        max(accepted_after) as accepted_after,
        max(opened_before) as opened_before,
        max(opened_after) as opened_after,
        max(rejected_before) as rejected_before,
        max(rejected_after) as rejected_after,
        max(bytes_before) as bytes_before,
        max(bytes_after) as bytes_after,
        max(sources_before) as sources_before,
        max(sources_after) as sources_after,
        max(outside_before) as outside_before,
        max(outside_after) as outside_after,
        max(first_before) as first_before,
        max(first_after) as first_after,
        max(last_before) as last_before,
        max(last_after) as last_after
    from both_sides
    group by interface_id, protocol, dstport
),
judged as (
    select
        case
            when opened_after > 0 and accepted_before = 0 then 'opened'
            when opened_before > 0 and accepted_after = 0 and rejected_after > 0 then 'closed'
        end as change,
        interface_id,
        protocol,
        dstport,
        opened_before,
        opened_after,
        rejected_before,
        rejected_after,
        bytes_before,
        bytes_after,
        sources_before,
        sources_after,
        outside_before,
        outside_after,
        first_before,
        first_after,
        last_before,
        last_after
    from sums
)
select
    judged.change,
    judged.interface_id,
    judged.protocol,
    judged.dstport,
    case
        when judged.change = 'opened' then enis_before.logged is null
        else enis_after.logged is null
    end as new_eni,
    case when judged.change = 'opened' then judged.opened_after else judged.opened_before end
        as records,
    case when judged.change = 'opened' then judged.bytes_after else judged.bytes_before end
        as bytes,
    case when judged.change = 'opened' then judged.sources_after else judged.sources_before end
        as sources,
    case when judged.change = 'opened' then judged.outside_after else judged.outside_before end
        as outside,
    judged.rejected_before,
    judged.rejected_after,
    case when judged.change = 'opened' then judged.first_after else judged.first_before end
        as first_seen,
    case when judged.change = 'opened' then judged.last_after else judged.last_before end
        as last_seen
from judged
left join enis_before
    on enis_before.interface_id is not distinct from judged.interface_id
left join enis_after
    on enis_after.interface_id is not distinct from judged.interface_id
where judged.change is not null
order by
    change desc,
    new_eni,
    case when rejected_before > 0 then 0 else 1 end,
    case when outside > 0 then 0 else 1 end,
    records desc,
    interface_id,
    protocol,
    dstport
limit $limit
