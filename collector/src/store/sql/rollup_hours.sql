-- Recomputes whole hours of one app from the newest rows of each page view. Keys that an hour had and no longer has come from the
-- last branch with n = 0: without them, a page view whose route or release changed later would count under both for ever.
-- Parameters: generation, then app, first hour, last hour, hours for each of the three branches.
insert into rollup_hours (app, kind, vital, environment, route, hour, stratum, release, generation, n, sessions, buckets)
select
    app, kind, vital, environment, route, hour, stratum, release, ? as generation,
    sum(part_n) as n, sum(part_sessions) as sessions, sumMap(part_buckets) as buckets
from
(
    select
        app, 'vital' as kind, vital, environment, route, toStartOfHour(started_at) as hour, stratum, release, count() as part_n,
        uniqExact(if(session_id = '', toString(view_id), session_id)) as part_sessions,
        sumMap(map(bucket, toUInt64(1))) as part_buckets
    from measurement_rows final
    where app = ? and started_at >= fromUnixTimestamp(?) and started_at < fromUnixTimestamp(? + 3600)
        and toUnixTimestamp(toStartOfHour(started_at)) in ?
    group by app, vital, environment, route, hour, stratum, release
    union all
    select
        app, 'operation' as kind, name as vital, environment, route, toStartOfHour(at) as hour, stratum, release, count() as part_n,
        uniqExact(if(session_id = '', toString(view_id), session_id)) as part_sessions,
        sumMap(map(bucket, toUInt64(1))) as part_buckets
    from operation_rows final
    where app = ? and at >= fromUnixTimestamp(?) and at < fromUnixTimestamp(? + 3600)
        and toUnixTimestamp(toStartOfHour(at)) in ?
    group by app, name, environment, route, hour, stratum, release
    union all
    select
        app, kind, vital, environment, route, hour, stratum, release, toUInt64(0) as part_n, toUInt64(0) as part_sessions,
        cast(map(), 'Map(UInt16, UInt64)') as part_buckets
    from rollup_hours final
    where n > 0 and app = ? and hour >= fromUnixTimestamp(?) and hour <= fromUnixTimestamp(?) and toUnixTimestamp(hour) in ?
)
group by app, kind, vital, environment, route, hour, stratum, release
