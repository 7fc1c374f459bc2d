-- As `vitals_by_stratum`, over whole days. The value of a total by stratum is the stratum, a space, and the release. It is part of the key, as
-- the route is, so histograms are read of nothing but what was asked for.
with busiest as
(
    select route
    from
    (
        select route, n as part_n
        from rollup_totals final
        prewhere app = {app:String}
            and environment = {environment:String}
            and grain = 'route-day'
            and kind = 'vital'
            and dimension = ''
            and hour >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
            and hour < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
            and ({route:String} = '' or route = {route:String})
        union all
        select route, n as part_n
        from imported_hours final
        prewhere app = {app:String}
            and environment = {environment:String}
            and kind = 'vital'
            and route != '*'
            and hour >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
            and hour < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
            and ({route:String} = '' or route = {route:String})
    )
    group by route
    order by sum(part_n) desc, route
    limit 200
)
select
    toString(route) as route,
    toString(vital) as vital,
    stratum,
    sum(part_n) as n,
    sum(part_sessions) as sessions,
    sumMap(part_buckets) as buckets
from
(
    select
        route, vital, substring(value, 1, position(value, ' ') - 1) as stratum, n as part_n, sessions as part_sessions, buckets as part_buckets
    from rollup_totals final
    prewhere app = {app:String}
        and environment = {environment:String}
        and grain = 'route-day'
        and kind = 'vital'
        and dimension = 'stratum'
        and hour >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
        and hour < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
        and vital != 'MEMORY_GROWTH'
        and ({vital:String} = '' or vital = {vital:String})
        and ({release:String} = '' or substring(value, position(value, ' ') + 1) = {release:String})
        and route global in busiest
    where n > 0
    union all
    select route, vital, toString(stratum) as stratum, n as part_n, sessions as part_sessions, buckets as part_buckets
    from imported_hours final
    prewhere app = {app:String}
        and environment = {environment:String}
        and kind = 'vital'
        and route != '*'
        and hour >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
        and hour < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
        and vital != 'MEMORY_GROWTH'
        and ({vital:String} = '' or vital = {vital:String})
        and ({release:String} = '' or release = {release:String})
        and route global in busiest
    where n > 0
)
group by route, vital, stratum
order by route, vital, stratum
limit 100000
