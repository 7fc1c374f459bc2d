-- Each operation's histogram over a range, on one route or ('') on all; the most frequent first.
select
    toString(vital) as name,
    sum(n) as n,
    sumMap(buckets) as buckets
from rollups
where app = {app:String}
    and environment = {environment:String}
    and kind = 'operation'
    and route != '*'
    and ({route:String} = '' or route = {route:String})
    and hour >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
    and hour < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
group by name
order by n desc, name
limit 10000
