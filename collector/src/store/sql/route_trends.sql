-- Histograms of some routes per step of time, for the small lines in a list: never more routes than a page of it holds. `prewhere` looks at
-- keys alone, so that no other route's histograms are read.
select
    toString(route) as route,
    toString(vital) as vital,
    intDiv(toInt64(toUnixTimestamp(hour)), {step_s:Int64}) * {step_s:Int64} * 1000 as at_ms,
    sum(part_n) as n,
    sumMap(part_buckets) as buckets
from
(
    select route, vital, hour, n as part_n, buckets as part_buckets
    from rollup_totals final
    prewhere app = {app:String}
        and environment = {environment:String}
        and grain = {grain:String}
        and kind = 'vital'
        and dimension = ''
        and vital in {vitals:Array(String)}
        and route in {routes:Array(String)}
        and hour >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
        and hour < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
    where n > 0
    union all
    select route, vital, hour, n as part_n, buckets as part_buckets
    from imported_hours final
    where app = {app:String}
        and environment = {environment:String}
        and kind = 'vital'
        and vital in {vitals:Array(String)}
        and route in {routes:Array(String)}
        and n > 0
        and hour >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
        and hour < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
)
group by route, vital, at_ms
order by route, vital, at_ms
limit 50000
