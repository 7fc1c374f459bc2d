-- As `vitals_by_step`, of the page views with one value of one dimension. The whole app has rows of its own there, under `*`; see
-- `dimensions` for `prewhere`.
select
    toString(vital) as vital,
    intDiv(toInt64(toUnixTimestamp(hour)), {step_s:Int64}) * {step_s:Int64} * 1000 as at_ms,
    sum(part_n) as n,
    sumMap(part_buckets) as buckets
from
(
    select vital, hour, n as part_n, buckets as part_buckets
    from rollup_dimension_hours final
    prewhere app = {app:String}
        and environment = {environment:String}
        and kind = 'vital'
        and dimension = {dimension:String}
        and value = {value:String}
        and route = if({route:String} = '', '*', {route:String})
        and ({vital:String} = '' or vital = {vital:String})
        and hour >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
        and hour < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
    where n > 0
)
group by vital, at_ms
order by vital, at_ms
limit 50000
