-- The series of a route (`*`: of all routes together) by day, counted from a change. The fifty with the most page views: a route has seven vitals
-- and few operations that matter.
with busiest as
(
    select kind, vital
    from rollups
    where app = {app:String}
        and environment = {environment:String}
        and ({route:String} = '*' or route = {route:String})
        and hour >= fromUnixTimestamp({before_from_s:Int64})
        and hour < fromUnixTimestamp({after_to_s:Int64})
    group by kind, vital
    order by sum(n) desc, kind, vital
    limit 50
)
select
    toString(kind) as kind,
    toString(vital) as vital,
    toInt64(floor((toInt64(toUnixTimestamp(hour)) - {after_from_s:Int64}) / 86400)) as day,
    sumMap(buckets) as buckets
from rollups
where app = {app:String}
    and environment = {environment:String}
    and ({route:String} = '*' or route = {route:String})
    and (kind, vital) in (select kind, vital from busiest)
    and hour >= fromUnixTimestamp({before_from_s:Int64})
    and hour < fromUnixTimestamp({after_to_s:Int64})
    and (hour < fromUnixTimestamp({before_to_s:Int64}) or hour >= fromUnixTimestamp({after_from_s:Int64}))
    -- The same part of each day. The 400 days keep the number positive.
    and (toInt64(toUnixTimestamp(hour)) - {after_from_s:Int64} + 400 * 86400) % 86400 < {of_day_s:Int64}
group by kind, vital, day
order by kind, vital, day
