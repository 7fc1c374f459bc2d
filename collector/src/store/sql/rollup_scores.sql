-- Recomputes how good the page views of whole hours of one app were: of each page view the weighted mean of its vitals' points,
-- of each route and of the whole app (`*`) how many page views had how many whole points. Keys that an hour had and no longer has come
-- from the last branch with n = 0.
--
-- Points of a value are the share of a log-normal distribution that lies above it, drawn through two points: 90 where good ends and
-- 50 where poor begins, as Lighthouse does. With z = 1.2816, the 90 % point of the normal distribution, that is
-- erfc(z / sqrt(2) * log(value / poor) / log(poor / good)) / 2. Vitals that a page view does not have weigh nothing.
-- Parameters: generation, then app, first hour, last hour, hours for each of the two branches.
insert into rollup_totals (app, environment, grain, kind, dimension, value, hour, vital, route, generation, n, buckets)
select
    app, environment, place.1 as grain, 'score' as kind, '' as dimension, '' as value, hour, 'SCORE' as vital, place.2 as route,
    ? as generation, sum(part_n) as n, sumMap(part_buckets) as buckets
from
(
    select app, environment, place, hour, toUInt64(count()) as part_n, sumMap(map(points, toUInt64(1))) as part_buckets
    from
    (
        select
            app, environment, route, view_id, start_ms, hour,
            toUInt16(round(100 * sum(weight * 0.5 * erfc(0.9061938024368232 * log(greatest(value, 1e-9) / poor) / log(poor / good))) / sum(weight)))
                as points
        from
        (
            select
                app, environment, toString(route) as route, view_id, start_ms, toStartOfHour(started_at) as hour, value,
                transform(toString(vital), ['LCP', 'INP', 'CLS', 'FCP'], [0.30, 0.30, 0.25, 0.15], 0.) as weight,
                transform(toString(vital), ['LCP', 'INP', 'CLS', 'FCP'], [2500., 200., 0.1, 1800.], 1.) as good,
                transform(toString(vital), ['LCP', 'INP', 'CLS', 'FCP'], [4000., 500., 0.25, 3000.], 2.) as poor
            from measurement_rows final
            where app = ? and started_at >= fromUnixTimestamp(?) and started_at < fromUnixTimestamp(? + 3600)
                and toUnixTimestamp(toStartOfHour(started_at)) in ? and vital in ('LCP', 'INP', 'CLS', 'FCP')
        )
        group by app, environment, route, view_id, start_ms, hour
    )
    array join if(route = '*', [('app-hour', '*')], [('route-hour', route), ('app-hour', '*')]) as place
    group by app, environment, place, hour
    union all
    select
        app, environment, (toString(grain), toString(route)) as place, hour, toUInt64(0) as part_n,
        cast(map(), 'Map(UInt16, UInt64)') as part_buckets
    from rollup_totals final
    where n > 0 and kind = 'score' and grain in ('app-hour', 'route-hour')
        and app = ? and hour >= fromUnixTimestamp(?) and hour <= fromUnixTimestamp(?) and toUnixTimestamp(hour) in ?
)
group by app, environment, place, hour
