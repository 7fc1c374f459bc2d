-- What the page views of a series blamed before a change and after it, the most frequent names of each kind.
select
    toUInt8(hour >= fromUnixTimestamp({after_from_s:Int64})) as after,
    toString(fact) as fact,
    toString(name) as name,
    sum(n) as n,
    sum(sum_ms) as sum_ms,
    sumMap(buckets) as buckets
from rollups_by_attribution
where app = {app:String}
    and environment = {environment:String}
    and route = {route:String}
    and kind = {kind:String}
    and vital = {vital:String}
    and hour >= fromUnixTimestamp({before_from_s:Int64})
    and hour < fromUnixTimestamp({after_to_s:Int64})
    and (hour < fromUnixTimestamp({before_to_s:Int64}) or hour >= fromUnixTimestamp({after_from_s:Int64}))
    -- The same part of each day. The 400 days keep the number positive.
    and (toInt64(toUnixTimestamp(hour)) - {after_from_s:Int64} + 400 * 86400) % 86400 < {of_day_s:Int64}
group by after, fact, name
order by after, fact, n desc, name
limit 60 by after, fact
