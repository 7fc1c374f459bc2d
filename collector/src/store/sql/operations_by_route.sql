-- How often each operation was called on each route over a range.
select
    toString(vital) as name,
    toString(route) as route,
    sum(n) as n
from rollups
where app = {app:String}
    and environment = {environment:String}
    and kind = 'operation'
    and route != '*'
    and hour >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
    and hour < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
group by name, route
order by n desc, name, route
limit 10000
