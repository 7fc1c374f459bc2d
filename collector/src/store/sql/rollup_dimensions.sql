-- Recomputes the splits of whole hours of one app by dimension, from the newest rows of each page view. One pass over the rows; then the
-- values of each dimension are put in order of frequency, and what comes after the fiftieth is counted as `other`. Keys that an hour
-- had and no longer has (a route that changed, a value that fell out of the fifty) come from the last branch with n = 0.
-- Parameters: generation, then app, first hour, last hour, hours for each of the two branches.
insert into rollup_dimension_hours (app, environment, kind, vital, dimension, route, hour, value, generation, n, buckets)
select
    app, environment, kind, vital, dimension, route, hour, value, ? as generation, sum(part_n) as n, sumMap(part_buckets) as buckets
from
(
    select
        app, environment, 'vital' as kind, series.1 as vital, dimension, route, hour, if(place <= 50, value, 'other') as value,
        series.3 as part_n, series.4 as part_buckets
    from
    (
        select
            app, environment, hour, dimension, value, groupArray((toString(vital), toString(own_route), count, buckets)) as counts,
            row_number() over (partition by app, environment, hour, dimension order by sum(count) desc, value) as place
        from
        (
            select
                app, environment, toStartOfHour(started_at) as hour, vital, route as own_route,
                multiIf(
                    grouping(browser) = 0, 'browser', grouping(os) = 0, 'os', grouping(country) = 0, 'country',
                    grouping(connection) = 0, 'connection', grouping(device) = 0, 'device',
                    grouping(navigation_type) = 0, 'navigation_type', 'release'
                ) as dimension,
                -- Those that a set does not group by are empty.
                concat(browser, os, country, connection, device, navigation_type, release) as value,
                count() as count, sumMap(map(bucket, toUInt64(1))) as buckets
            from measurement_rows final
            where app = ? and started_at >= fromUnixTimestamp(?) and started_at < fromUnixTimestamp(? + 3600)
                and toUnixTimestamp(toStartOfHour(started_at)) in ?
            group by grouping sets (
                (app, environment, hour, vital, route, browser),
                (app, environment, hour, vital, route, os),
                (app, environment, hour, vital, route, country),
                (app, environment, hour, vital, route, connection),
                (app, environment, hour, vital, route, device),
                (app, environment, hour, vital, route, navigation_type),
                (app, environment, hour, vital, route, release)
            )
        )
        group by app, environment, hour, dimension, value
    )
    array join counts as series
    array join if(series.2 = '*', ['*'], [series.2, '*']) as route
    union all
    select
        app, environment, kind, vital, dimension, route, hour, value, toUInt64(0) as part_n,
        cast(map(), 'Map(UInt16, UInt64)') as part_buckets
    from rollup_dimension_hours final
    where n > 0 and app = ? and hour >= fromUnixTimestamp(?) and hour <= fromUnixTimestamp(?) and toUnixTimestamp(hour) in ?
)
group by app, environment, kind, vital, dimension, route, hour, value
settings use_skip_indexes_if_final = 1, use_skip_indexes_if_final_exact_mode = 1
