-- As `vitals_by_route`, of the page views with one value of one dimension; see `dimensions` for `prewhere`.
select
    toString(route) as route,
    toString(vital) as vital,
    sum(part_n) as n,
    sumMap(part_buckets) as buckets
from
(
    select route, vital, n as part_n, buckets as part_buckets
    from rollup_dimension_hours final
    prewhere app = {app:String}
        and environment = {environment:String}
        and kind = 'vital'
        and dimension = {dimension:String}
        and value = {value:String}
        and route != '*'
        and hour >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
        and hour < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
    where n > 0
)
group by route, vital
order by n desc, route, vital
limit 10000
