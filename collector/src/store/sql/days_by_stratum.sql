-- As `vitals_by_stratum`, over whole days.
select route, vital, stratum, n, sessions, buckets
from
(
    select route, vital, stratum, n, sessions, buckets, dense_rank() over (order by of_route desc, route) as place
    from
    (
        select
            toString(route) as route,
            toString(vital) as vital,
            stratum,
            sum(part_n) as n,
            sum(part_sessions) as sessions,
            sumMap(part_buckets) as buckets,
            sum(n) over (partition by route) as of_route
        from
        (
            select
                route, vital, substring(value, 1, position(value, ' ') - 1) as stratum, substring(value, position(value, ' ') + 1) as release,
                n as part_n, sessions as part_sessions, buckets as part_buckets
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
                route, vital, toString(stratum) as stratum, toString(release) as release, n as part_n, sessions as part_sessions, buckets as part_buckets
            from imported_hours final
            where app = {app:String}
                and environment = {environment:String}
                and kind = 'vital'
                and route != '*'
                and n > 0
                and hour >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
                and hour < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
        )
        where vital != 'MEMORY_GROWTH'
            and ({vital:String} = '' or vital = {vital:String})
            and ({route:String} = '' or route = {route:String})
            and ({release:String} = '' or release = {release:String})
        group by route, vital, stratum
    )
)
where place <= 200
order by route, vital, stratum
limit 100000
