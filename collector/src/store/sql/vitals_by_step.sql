-- Each vital's histogram per step of time (UTC), of one route, of one vital or ('') of all, of all strata and
-- releases or ('' is any) of those that are asked for.
select
    toString(vital) as vital,
    intDiv(toInt64(toUnixTimestamp(hour)), {step_s:Int64}) * {step_s:Int64} * 1000 as at_ms,
    sum(n) as n,
    sumMap(buckets) as buckets
from rollups
where app = {app:String}
    and environment = {environment:String}
    and kind = 'vital'
    and route = {route:String}
    and ({vital:String} = '' or vital = {vital:String})
    and hour >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
    and hour < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
    and ({device:String} = '' or splitByChar('/', stratum)[1] = {device:String})
    and ({connection:String} = '' or splitByChar('/', stratum)[2] = {connection:String})
    and ({delivery:String} = '' or splitByChar('/', stratum)[3] = {delivery:String})
    and ({release:String} = '' or release = {release:String})
group by vital, at_ms
order by vital, at_ms
limit 50000
