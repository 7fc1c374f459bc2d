-- How calls ended, per operation and step of time (UTC): the error types of those that failed, the words about a cache of those that have one.
-- Of all operations or ('' is all) of one, on one route or ('') on all. A step of 0 means the whole range.
select
    toString(vital) as operation,
    toString(fact) as fact,
    name,
    if({step_s:Int64} = 0, 0, intDiv(toInt64(toUnixTimestamp(hour)), greatest({step_s:Int64}, 1)) * {step_s:Int64} * 1000) as at_ms,
    sum(n) as n,
    sumMap(buckets) as buckets
from rollups_by_attribution
where app = {app:String}
    and environment = {environment:String}
    and kind = 'operation'
    and ({name:String} = '' or vital = {name:String})
    and route != '*'
    and ({route:String} = '' or route = {route:String})
    and hour >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
    and hour < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
group by operation, fact, name, at_ms
order by operation, fact, n desc, name, at_ms
limit 50000
