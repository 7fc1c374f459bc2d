-- As `vitals_by_route`, over whole days.
select
    toString(route) as route,
    toString(vital) as vital,
    sum(part_n) as n,
    sumMap(part_buckets) as buckets
from
(
    select
        route, vital, substring(value, 1, position(value, ' ') - 1) as stratum, substring(value, position(value, ' ') + 1) as release,
        n as part_n, buckets as part_buckets
    from rollup_totals final
    where app = {app:String}
        and environment = {environment:String}
        and grain = 'route-day'
        and kind = 'vital'
        and dimension = 'stratum'
        and n > 0
        and hour >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
        and hour < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
    union all
    select
        route, vital, toString(stratum) as stratum, toString(release) as release, n as part_n, buckets as part_buckets
    from imported_hours final
    where app = {app:String}
        and environment = {environment:String}
        and kind = 'vital'
        and route != '*'
        and n > 0
        and hour >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
        and hour < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
)
where ({device:String} = '' or splitByChar('/', stratum)[1] = {device:String})
    and ({connection:String} = '' or splitByChar('/', stratum)[2] = {connection:String})
    and ({delivery:String} = '' or splitByChar('/', stratum)[3] = {delivery:String})
    and ({release:String} = '' or release = {release:String})
group by route, vital
order by n desc, route, vital
limit 10000
