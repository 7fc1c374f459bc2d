-- Recomputes the totals of the quarters of UTC days that hours of one app lie in, of each route, from the totals of their hours, which must
-- be there. Keys that a quarter had and no longer has come from the last branch with n = 0.
-- Parameters: generation, then app, first hour, last hour, hours for each of the two branches.
insert into rollup_totals (app, environment, grain, kind, dimension, value, hour, vital, route, generation, n, buckets)
select
    app, environment, 'route-quarter' as grain, kind, '' as dimension, '' as value, quarter as hour, vital, route, ? as generation,
    sum(part_n) as n, sumMap(part_buckets) as buckets
from
(
    select
        app, environment, kind, toStartOfInterval(hour, interval 6 hour) as quarter, vital, route, n as part_n, buckets as part_buckets
    from rollup_totals final
    where n > 0 and grain = 'route-hour'
        and app = ? and hour >= fromUnixTimestamp(?) - toIntervalHour(6) and hour <= fromUnixTimestamp(?) + toIntervalHour(6)
        and has(arrayMap(start -> start - start % 21600, ?), toUnixTimestamp(toStartOfInterval(hour, interval 6 hour)))
    union all
    select
        app, environment, kind, hour as quarter, vital, route, toUInt64(0) as part_n, cast(map(), 'Map(UInt16, UInt64)') as part_buckets
    from rollup_totals final
    where n > 0 and grain = 'route-quarter'
        and app = ? and hour >= fromUnixTimestamp(?) - toIntervalHour(6) and hour <= fromUnixTimestamp(?)
        and has(arrayMap(start -> start - start % 21600, ?), toUnixTimestamp(hour))
)
group by app, environment, kind, quarter, vital, route
