-- One side of a comparison: the histograms of the 200 busiest routes per vital and stratum, of one release or ('') of all, of one vital or
-- ('') of all, of one route or ('') of all. Everybody's page views say which routes are busy, so that two releases are compared on the same
-- ones. `global`: in a cluster the routes are chosen once, not by each shard.
select
    toString(route) as route,
    toString(vital) as vital,
    toString(stratum) as stratum,
    sum(n) as n,
    sum(sessions) as sessions,
    sumMap(buckets) as buckets
from rollups
where app = {app:String}
    and environment = {environment:String}
    and kind = 'vital'
    and vital != 'MEMORY_GROWTH'
    and ({vital:String} = '' or vital = {vital:String})
    and ({release:String} = '' or release = {release:String})
    and hour >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
    and hour < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
    and route global in
    (
        select route
        from
        (
            select route, n as part_n
            from rollup_totals final
            prewhere app = {app:String}
                and environment = {environment:String}
                and grain = 'route-hour'
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
group by route, vital, stratum
order by route, vital, stratum
limit 100000
