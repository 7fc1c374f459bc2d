-- The page views of a series before a change and after it, by the most frequent values of each dimension.
select
    toUInt8(hour >= fromUnixTimestamp({after_from_s:Int64})) as after,
    toString(dimension) as what,
    toString(value) as name,
    sum(n) as n,
    sumMap(buckets) as buckets
from rollups_by_dimension
where app = {app:String}
    and environment = {environment:String}
    and route = {route:String}
    and kind = {kind:String}
    and vital = {vital:String}
    and value != ''
    and hour >= fromUnixTimestamp({before_from_s:Int64})
    and hour < fromUnixTimestamp({after_to_s:Int64})
    and (hour < fromUnixTimestamp({before_to_s:Int64}) or hour >= fromUnixTimestamp({after_from_s:Int64}))
    -- The same part of each day. The 400 days keep the number positive.
    and (toInt64(toUnixTimestamp(hour)) - {after_from_s:Int64} + 400 * 86400) % 86400 < {of_day_s:Int64}
group by after, what, name
order by after, what, n desc, name
limit 60 by after, what
