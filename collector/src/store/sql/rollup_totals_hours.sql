-- Recomputes the totals of whole hours of one app, from the strata and releases of its rollups: of each route, of the whole app, and of
-- the whole app by stratum and release. Keys that an hour had and no longer has come from the last branch with n = 0.
-- Parameters: generation, then app, first hour, last hour, hours for each of the two branches.
insert into rollup_totals (app, environment, grain, kind, dimension, value, hour, vital, route, generation, n, buckets)
select
    app, environment, place.1 as grain, kind, place.3 as dimension, place.4 as value, hour, vital, place.2 as route, ? as generation,
    sum(part_n) as n, sumMap(part_buckets) as buckets
from
(
    select app, environment, place, kind, hour, vital, n as part_n, buckets as part_buckets
    from rollup_hours final
    array join
        arrayFilter(
            one -> (one.1 = 'app-hour' or route != '*') and (one.3 = '' or kind = 'vital'),
            [
                ('route-hour', toString(route), '', ''),
                ('app-hour', '*', '', ''),
                ('app-hour', '*', 'stratum', concat(stratum, ' ', release))
            ]
        ) as place
    where n > 0 and app = ? and hour >= fromUnixTimestamp(?) and hour <= fromUnixTimestamp(?) and toUnixTimestamp(hour) in ?
    union all
    select
        app, environment, (toString(grain), toString(route), toString(dimension), toString(value)) as place, kind, hour, vital,
        toUInt64(0) as part_n, cast(map(), 'Map(UInt16, UInt64)') as part_buckets
    from rollup_totals final
    where n > 0 and grain in ('app-hour', 'route-hour') and kind != 'score'
        and app = ? and hour >= fromUnixTimestamp(?) and hour <= fromUnixTimestamp(?) and toUnixTimestamp(hour) in ?
)
group by app, environment, place, kind, hour, vital
settings use_skip_indexes_if_final = 1, use_skip_indexes_if_final_exact_mode = 1
