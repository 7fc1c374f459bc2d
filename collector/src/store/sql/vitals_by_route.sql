-- Each vital's histogram per route over a range. Strata and releases are summed: this is what visitors had, not a comparison.
select
    toString(route) as route,
    toString(vital) as vital,
    sum(n) as n,
    sumMap(buckets) as buckets
from rollups
where app = {app:String}
    and environment = {environment:String}
    and kind = 'vital'
    and route != '*'
    and hour >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
    and hour < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
group by route, vital
order by n desc, route, vital
limit 10000
