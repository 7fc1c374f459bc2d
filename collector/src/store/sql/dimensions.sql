-- One vital's histogram by each value of each dimension, of one route ('*' for all), and by how the document was delivered. A route's rows are
-- spread over the dimensions, among those of all others: `prewhere` looks at keys alone, so that only its own histograms are read.
select
    toString(dimension) as dimension,
    toString(value) as value,
    sum(part_n) as n,
    sumMap(part_buckets) as buckets
from
(
    select dimension, value, n as part_n, buckets as part_buckets
    from rollup_dimension_hours final
    prewhere app = {app:String}
        and environment = {environment:String}
        and kind = 'vital'
        and vital = {vital:String}
        and route = {route:String}
        and hour >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
        and hour < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
    where n > 0
)
group by dimension, value
order by dimension, n desc, value
limit 50 by dimension
union all
select
    'delivery' as dimension,
    splitByChar('/', toString(stratum))[3] as value,
    sum(n) as n,
    sumMap(buckets) as buckets
from rollups
where app = {app:String}
    and environment = {environment:String}
    and kind = 'vital'
    and vital = {vital:String}
    and route != '*'
    and ({route:String} = '*' or route = {route:String})
    and hour >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
    and hour < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
group by value
having value != ''
order by n desc, value
limit 50
