-- Each vital's histogram per step of time (UTC), of the whole app ('*') or one route, of one vital or ('') of all: everybody's page
-- views. Imported histories have no totals.
select
    toString(vital) as vital,
    intDiv(toInt64(toUnixTimestamp(hour)), {step_s:Int64}) * {step_s:Int64} * 1000 as at_ms,
    sum(part_n) as n,
    sumMap(part_buckets) as buckets
from
(
    select vital, hour, n as part_n, buckets as part_buckets
    from rollup_totals final
    where app = {app:String}
        and environment = {environment:String}
        and grain = {grain:String}
        and kind = 'vital'
        and dimension = ''
        and route = {route:String}
        and ({vital:String} = '' or vital = {vital:String})
        and n > 0
        and hour >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
        and hour < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
    union all
    select vital, hour, n as part_n, buckets as part_buckets
    from imported_hours final
    where app = {app:String}
        and environment = {environment:String}
        and kind = 'vital'
        and route != '*'
        and ({route:String} = '*' or route = {route:String})
        and ({vital:String} = '' or vital = {vital:String})
        and n > 0
        and hour >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
        and hour < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
)
group by vital, at_ms
order by vital, at_ms
limit 50000
