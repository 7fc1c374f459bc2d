-- Recomputes, of each route and UTC day that hours of one app lie in, the page views by each value of each dimension. Keys that a day
-- had and no longer has come from the last branch with n = 0.
-- Parameters: generation, then app, first hour, last hour, hours for each of the two branches.
insert into rollup_totals (app, environment, grain, kind, dimension, value, hour, vital, route, generation, n, buckets)
select
    app, environment, 'route-day' as grain, kind, dimension, value, day as hour, vital, route, ? as generation, sum(part_n) as n,
    sumMap(part_buckets) as buckets
from
(
    select app, environment, kind, dimension, value, toStartOfDay(hour) as day, vital, route, n as part_n, buckets as part_buckets
    from rollup_dimension_hours final
    where n > 0 and route != '*'
        and app = ? and hour >= fromUnixTimestamp(?) - toIntervalDay(1) and hour <= fromUnixTimestamp(?) + toIntervalDay(1)
        and has(arrayMap(start -> start - start % 86400, ?), toUnixTimestamp(toStartOfDay(hour)))
    union all
    select
        app, environment, kind, dimension, value, hour as day, vital, route, toUInt64(0) as part_n,
        cast(map(), 'Map(UInt16, UInt64)') as part_buckets
    from rollup_totals final
    where n > 0 and grain = 'route-day' and dimension not in ('', 'stratum')
        and app = ? and hour >= fromUnixTimestamp(?) - toIntervalDay(1) and hour <= fromUnixTimestamp(?)
        and has(arrayMap(start -> start - start % 86400, ?), toUnixTimestamp(hour))
)
group by app, environment, kind, dimension, value, day, vital, route
