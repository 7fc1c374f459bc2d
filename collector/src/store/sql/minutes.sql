-- Each vital's histogram per minute, of all routes: what is arriving now. Minutes are kept for a day.
select
    toString(vital) as vital,
    toInt64(toUnixTimestamp(minute)) * 1000 as at_ms,
    sum(n) as n,
    sumMap(buckets) as buckets
from rollups_minute
where app = {app:String}
    and environment = {environment:String}
    and kind = 'vital'
    and route != '*'
    and minute >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
    and minute < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
group by vital, at_ms
order by vital, at_ms
limit 10000
