-- One side of a comparison: the histograms of the 200 busiest routes per vital and stratum, of one release or ('') of all, of one vital or
-- ('') of all, of one route or ('') of all.
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
    and route in
    (
        select route
        from rollups
        where app = {app:String}
            and environment = {environment:String}
            and kind = 'vital'
            and route != '*'
            and ({route:String} = '' or route = {route:String})
            and ({release:String} = '' or release = {release:String})
            and hour >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
            and hour < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
        group by route
        order by sum(n) desc, route
        limit 200
    )
group by route, vital, stratum
order by route, vital, stratum
limit 100000
