-- One page view with its context and milestones. Two page views may share an id if a page is copied; the one nearest to the moment is meant.
select
    toString(v.view_id) as view_id,
    toUnixTimestamp64Milli(started_at) as started_at_ms,
    toUnixTimestamp64Milli(received_at) as received_at_ms,
    toString(environment) as environment,
    toString(route) as route,
    path,
    toString(release) as release,
    session_id,
    toString(navigation_type) as navigation_type,
    toString(device) as device,
    toString(browser) as browser,
    toString(os) as os,
    toString(country) as country,
    toString(connection) as connection,
    toString(engine) as engine,
    referrer,
    arrayMap(key -> (toString(key), toString(v.custom[key])), arraySort(mapKeys(v.custom))) as custom,
    toUInt32(beacons) as beacons,
    interactions,
    agent_main_ms,
    agent_bytes,
    arrayMap(key -> (toString(key), toFloat64(v.timing[key])), arraySort(mapKeys(v.timing))) as timing,
    toFloat64(ifNull(v.long_tasks, nan)) as long_tasks,
    toFloat64(ifNull(v.blocking_ms, nan)) as blocking_ms,
    toFloat64(ifNull(v.resource_count, nan)) as resource_count,
    toFloat64(ifNull(v.resource_bytes, nan)) as resource_bytes,
    resources
from page_views as v
where v.app = {app:String}
    and v.view_id = {view_id:UUID}
    and v.started_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
    and v.started_at < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
order by abs(started_at_ms - {at_ms:Int64})
limit 1
