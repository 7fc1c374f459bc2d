-- Histograms of some routes per step of time, for the small lines in a list: never more routes than a page of it holds.
select
    toString(route) as route,
    toString(vital) as vital,
    intDiv(toInt64(toUnixTimestamp(hour)), {step_s:Int64}) * {step_s:Int64} * 1000 as at_ms,
    sum(n) as n,
    sumMap(buckets) as buckets
from rollups
where app = {app:String}
    and environment = {environment:String}
    and kind = 'vital'
    and has({vitals:Array(String)}, toString(vital))
    and has({routes:Array(String)}, toString(route))
    and hour >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
    and hour < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
group by route, vital, at_ms
order by route, vital, at_ms
limit 50000
