-- Recomputes whole minutes of one app from the newest rows of each page view. Keys that a minute had and no longer has come from the
-- last branch with n = 0: without them, a page view whose route or release changed later would count under both for ever.
-- Parameters: generation, then app, first minute, last minute, minutes for each of the three branches.
insert into rollup_by_minute (app, kind, vital, environment, route, minute, stratum, release, generation, n, sessions, buckets)
select
    app, kind, vital, environment, route, minute, stratum, release, ? as generation,
    sum(part_n) as n, sum(part_sessions) as sessions, sumMap(part_buckets) as buckets
from
(
    select
        app, 'vital' as kind, vital, environment, route, toStartOfMinute(started_at) as minute, stratum, release, count() as part_n,
        uniqExact(if(session_id = '', toString(view_id), session_id)) as part_sessions,
        sumMap(map(bucket, toUInt64(1))) as part_buckets
    from measurement_rows final
    where app = ? and started_at >= fromUnixTimestamp(?) and started_at < fromUnixTimestamp(? + 60)
        and toUnixTimestamp(toStartOfMinute(started_at)) in ?
    group by app, vital, environment, route, minute, stratum, release
    union all
    select
        app, 'operation' as kind, name as vital, environment, route, toStartOfMinute(at) as minute, stratum, release, count() as part_n,
        uniqExact(if(session_id = '', toString(view_id), session_id)) as part_sessions,
        sumMap(map(bucket, toUInt64(1))) as part_buckets
    from operation_rows final
    where app = ? and at >= fromUnixTimestamp(?) and at < fromUnixTimestamp(? + 60)
        and toUnixTimestamp(toStartOfMinute(at)) in ?
    group by app, name, environment, route, minute, stratum, release
    union all
    select
        app, kind, vital, environment, route, minute, stratum, release, toUInt64(0) as part_n, toUInt64(0) as part_sessions,
        cast(map(), 'Map(UInt16, UInt64)') as part_buckets
    from rollup_by_minute final
    where n > 0 and app = ? and minute >= fromUnixTimestamp(?) and minute <= fromUnixTimestamp(?) and toUnixTimestamp(minute) in ?
)
group by app, kind, vital, environment, route, minute, stratum, release
