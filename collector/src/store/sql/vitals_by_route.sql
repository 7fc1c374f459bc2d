-- Each vital's histogram per route over a range, of all strata and releases or ('' is any) of those that are asked for, summed:
-- this is what visitors had, not a comparison.
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
    and ({device:String} = '' or splitByChar('/', stratum)[1] = {device:String})
    and ({connection:String} = '' or splitByChar('/', stratum)[2] = {connection:String})
    and ({delivery:String} = '' or splitByChar('/', stratum)[3] = {delivery:String})
    and ({release:String} = '' or release = {release:String})
group by route, vital
order by n desc, route, vital
limit 10000
