-- Each vital's histogram per route over hours or days: everybody's page views, or with one value of a dimension. Imported histories
-- have no totals and know no dimensions.
select
    toString(route) as route,
    toString(vital) as vital,
    sum(part_n) as n,
    sumMap(part_buckets) as buckets
from
(
    select route, vital, n as part_n, buckets as part_buckets
    from rollup_totals final
    where app = {app:String}
        and environment = {environment:String}
        and grain = {grain:String}
        and kind = 'vital'
        and dimension = {dimension:String}
        and value = {value:String}
        and n > 0
        and hour >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
        and hour < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
    union all
    select route, vital, n as part_n, buckets as part_buckets
    from imported_hours final
    where {dimension:String} = ''
        and app = {app:String}
        and environment = {environment:String}
        and kind = 'vital'
        and route != '*'
        and n > 0
        and hour >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
        and hour < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
)
group by route, vital
order by n desc, route, vital
limit 10000
