-- What is normal, per series. '' as id, app, environment or route means all.
select
    toString(id) as id,
    toString(app) as app,
    toString(environment) as environment,
    toString(route) as route,
    toString(kind) as kind,
    toString(vital) as vital,
    toString(strategy) as strategy,
    toString(state) as state,
    toFloat64(p50) as p50,
    toFloat64(p75) as p75,
    toFloat64(p95) as p95,
    toFloat64(mean) as mean,
    toFloat64(stddev) as stddev,
    toUInt64(n) as n,
    toUInt64(hours_used) as hours_used,
    toUInt64(hours_left_out) as hours_left_out,
    arrayStringConcat(left_out_reasons, '; ') as left_out_reasons,
    -- The smallest change that would be found within a day at this traffic, 0.10 for 10 %; null while learning.
    toFloat64(minimum_detectable_ratio) as minimum_detectable_ratio,
    toInt64(toUnixTimestamp(`from`)) * 1000 as from_ms,
    toInt64(toUnixTimestamp(`to`)) * 1000 as to_ms,
    toInt64(toUnixTimestamp(updated_at)) * 1000 as updated_at_ms,
    candidate
from baselines
where ({id:String} = '' or id = {id:String})
    and ({app:String} = '' or app = {app:String})
    and ({environment:String} = '' or environment = {environment:String})
    and ({route:String} = '' or route = {route:String})
order by route, vital, candidate, updated_at desc
limit 10000
