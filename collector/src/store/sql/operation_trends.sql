-- The histograms of some operations per step of time (UTC), on one route or ('') on all.
select
    toString(vital) as name,
    intDiv(toInt64(toUnixTimestamp(hour)), {step_s:Int64}) * {step_s:Int64} * 1000 as at_ms,
    sum(n) as n,
    sumMap(buckets) as buckets
from rollups
where app = {app:String}
    and environment = {environment:String}
    and kind = 'operation'
    and vital in {names:Array(String)}
    and route != '*'
    and ({route:String} = '' or route = {route:String})
    and hour >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
    and hour < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
group by name, at_ms
order by name, at_ms
limit 50000
