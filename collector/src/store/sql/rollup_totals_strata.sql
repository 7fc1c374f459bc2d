-- Recomputes, of each route and UTC day that hours of one app lie in, the page views by stratum and release, from the rollups of its hours,
-- which must be there. `value` is the stratum, a space, and the release. Keys that a day had and no longer has come from the last
-- branch with n = 0.
-- Parameters: generation, then app, first hour, last hour, hours for each of the two branches.
insert into rollup_totals (app, environment, grain, kind, dimension, value, hour, vital, route, generation, n, sessions, buckets)
select
    app, environment, 'route-day' as grain, kind, 'stratum' as dimension, value, day as hour, vital, route, ? as generation,
    sum(part_n) as n, sum(part_sessions) as sessions, sumMap(part_buckets) as buckets
from
(
    select
        app, environment, kind, concat(stratum, ' ', release) as value, toStartOfDay(hour) as day, vital, route, n as part_n,
        sessions as part_sessions, buckets as part_buckets
    from rollup_hours final
    where n > 0 and kind = 'vital' and route != '*'
        and app = ? and hour >= fromUnixTimestamp(?) - toIntervalDay(1) and hour <= fromUnixTimestamp(?) + toIntervalDay(1)
        and has(arrayMap(start -> start - start % 86400, ?), toUnixTimestamp(toStartOfDay(hour)))
    union all
    select
        app, environment, kind, toString(value) as value, hour as day, vital, route, toUInt64(0) as part_n, toUInt64(0) as part_sessions,
        cast(map(), 'Map(UInt16, UInt64)') as part_buckets
    from rollup_totals final
    where n > 0 and grain = 'route-day' and dimension = 'stratum'
        and app = ? and hour >= fromUnixTimestamp(?) - toIntervalDay(1) and hour <= fromUnixTimestamp(?)
        and has(arrayMap(start -> start - start % 86400, ?), toUnixTimestamp(hour))
)
group by app, environment, kind, value, day, vital, route
settings use_skip_indexes_if_final = 1, use_skip_indexes_if_final_exact_mode = 1
