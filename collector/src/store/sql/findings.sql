-- Findings, the open and grave ones first. '' as app, environment, route or vital, and [] as states, means all. A finding
-- belongs to a range when it was open at some moment of it.
select
    toString(id) as id,
    toString(app) as app,
    toString(environment) as environment,
    toString(route) as route,
    toString(kind) as kind,
    toString(vital) as vital,
    toString(stratum) as stratum,
    toString(direction) as direction,
    toString(state) as state,
    toString(severity) as severity,
    toFloat64(change_ratio) as change_ratio,
    toFloat64(change_low) as change_low,
    toFloat64(change_high) as change_high,
    toFloat64(p_value) as p_value,
    toFloat64(z) as z,
    toFloat64(confidence) as confidence,
    toFloat64(baseline_p75) as baseline_p75,
    toFloat64(current_p75) as current_p75,
    toUInt64(baseline_n) as baseline_n,
    toUInt64(current_n) as current_n,
    toInt64(toUnixTimestamp(change_point)) * 1000 as change_point_ms,
    toInt64(toUnixTimestamp(change_point_low)) * 1000 as change_point_low_ms,
    toInt64(toUnixTimestamp(change_point_high)) * 1000 as change_point_high_ms,
    toString(release) as release,
    toInt64(toUnixTimestamp(opened_at)) * 1000 as opened_at_ms,
    -- 0 stands for "has not happened", whether the column says so by null or by the epoch.
    toInt64(ifNull(toUnixTimestamp(confirmed_at), 0)) * 1000 as confirmed_at_ms,
    toInt64(ifNull(toUnixTimestamp(resolved_at), 0)) * 1000 as resolved_at_ms,
    toString(recommendation) as recommendation,
    toString(detail) as detail
from findings
where ({id:String} = '' or id = {id:String})
    and ({app:String} = '' or app = {app:String})
    and ({environment:String} = '' or environment = {environment:String})
    and ({route:String} = '' or route = {route:String})
    and ({vital:String} = '' or vital = {vital:String})
    and (empty({states:Array(String)}) or has({states:Array(String)}, toString(state)))
    and opened_at < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
    and (resolved_at_ms = 0 or resolved_at_ms >= {from_ms:Int64})
order by
    state in ('confirmed', 'unconfirmed') desc,
    state = 'confirmed' desc,
    indexOf(['critical', 'warning', 'minor'], toString(severity)),
    opened_at desc,
    id
limit {limit:UInt32} offset {offset:UInt32}
