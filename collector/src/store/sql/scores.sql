-- Page views and the sum of their points over a range, per route, or (grain `app-…`) of the whole app, whose route is `*`. As in
-- `totals_by_route`, what {grain} does not cover is read from hours.
select
    toString(app) as app,
    toString(environment) as environment,
    toString(route) as route,
    sum(part_n) as n,
    sum(part_points) as points
from
(
    select
        app, environment, route, n as part_n,
        toUInt64(arraySum(arrayMap((points, count) -> points * count, mapKeys(buckets), mapValues(buckets)))) as part_points
    from rollup_totals final
    prewhere ({app:String} = '' or app = {app:String})
        and ({environment:String} = '' or environment = {environment:String})
        and (
            grain = {grain:String}
                and hour >= fromUnixTimestamp64Milli({grain_from_ms:Int64}, 'UTC')
                and hour < fromUnixTimestamp64Milli({grain_to_ms:Int64}, 'UTC')
            or grain = 'route-hour'
                and (
                    hour < fromUnixTimestamp64Milli({grain_from_ms:Int64}, 'UTC')
                    or hour >= fromUnixTimestamp64Milli({grain_to_ms:Int64}, 'UTC')
                )
        )
        and kind = 'score'
        and ({route:String} = '' or route = {route:String})
        and hour >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
        and hour < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
    where n > 0
)
group by app, environment, route
limit 10000
