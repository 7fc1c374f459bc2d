-- Each vital's histogram per route over a range: everybody's page views, or those with some values of a dimension. {grain_from_ms} to
-- {grain_to_ms} is read from totals of {grain}, the rest of the range from hours. Imported histories have no totals; of the dimensions they
-- know the device and the connection, as their strata have them. Before rows are merged (`prewhere`) their keys say which are meant; `n` is
-- that of the newest.
select
    toString(route) as route,
    toString(vital) as vital,
    sum(part_n) as n,
    sumMap(part_buckets) as buckets
from
(
    select route, vital, n as part_n, buckets as part_buckets
    from rollup_totals final
    prewhere app = {app:String}
        and environment = {environment:String}
        and (
            grain = {grain:String}
                and hour >= fromUnixTimestamp64Milli({grain_from_ms:Int64}, 'UTC')
                and hour < fromUnixTimestamp64Milli({grain_to_ms:Int64}, 'UTC')
            or grain = 'route-hour'
                and (
                    hour < fromUnixTimestamp64Milli({grain_from_ms:Int64}, 'UTC')
                    or hour >= fromUnixTimestamp64Milli({grain_to_ms:Int64}, 'UTC')
                )
        )
        and kind = 'vital'
        and dimension = {dimension:String}
        and value in {values:Array(String)}
        and hour >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
        and hour < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
    where n > 0
    union all
    select route, vital, n as part_n, buckets as part_buckets
    from imported_hours final
    where {dimension:String} in ('', 'device', 'connection')
        and ({device:String} = '' or splitByChar('/', stratum)[1] = {device:String})
        and ({connection:String} = '' or splitByChar('/', stratum)[2] = {connection:String})
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
