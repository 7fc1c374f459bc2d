-- One operation's histogram per route over a range, the busiest first.
select
    toString(route) as name,
    sum(n) as n,
    sumMap(buckets) as buckets
from rollups
where app = {app:String}
    and environment = {environment:String}
    and kind = 'operation'
    and vital = {name:String}
    and route != '*'
    and hour >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
    and hour < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
group by name
order by n desc, name
limit 50
