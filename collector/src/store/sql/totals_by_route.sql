-- Each vital's histograms per route, hour by hour or day by day (whoever asks sums them): everybody's page views, or those with some
-- values of a dimension. Imported histories have no totals; of the dimensions they know the device and the connection, as their strata have them.
select
    toString(route) as route,
    toString(vital) as vital,
    '' as stratum,
    part_n as n,
    toUInt64(0) as sessions,
    part_buckets as buckets
from
(
    select route, vital, n as part_n, buckets as part_buckets
    from rollup_totals final
    where app = {app:String}
        and environment = {environment:String}
        and grain = {grain:String}
        and kind = 'vital'
        and dimension = {dimension:String}
        and value in {values:Array(String)}
        and n > 0
        and hour >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
        and hour < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
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
