-- How often each vital was measured per minute, of all routes, and the histograms of `shown` ones: what is arriving now. `prewhere` looks at
-- keys alone, before rows are merged.
select
    toString(vital) as vital,
    toInt64(toUnixTimestamp(minute)) * 1000 as at_ms,
    sum(part_n) as n,
    sumMapIf(part_buckets, vital in {shown:Array(String)}) as buckets
from
(
    select vital, minute, n as part_n, buckets as part_buckets
    from rollup_by_minute final
    prewhere app = {app:String}
        and environment = {environment:String}
        and kind = 'vital'
        and route != '*'
        and minute >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
        and minute < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
    where n > 0
)
group by vital, at_ms
order by vital, at_ms
limit 10000
