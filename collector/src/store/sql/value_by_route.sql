-- As `vitals_by_route`, of the page views with one value of one dimension.
select
    toString(route) as route,
    toString(vital) as vital,
    sum(n) as n,
    sumMap(buckets) as buckets
from rollups_by_dimension
where app = {app:String}
    and environment = {environment:String}
    and kind = 'vital'
    and dimension = {dimension:String}
    and value = {value:String}
    and route != '*'
    and hour >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
    and hour < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
group by route, vital
order by n desc, route, vital
limit 10000
