-- Page views and the sum of their points, per route over hours or days, or (grain `app-…`) of the whole app, whose route is `*`.
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
    where ({app:String} = '' or app = {app:String})
        and ({environment:String} = '' or environment = {environment:String})
        and grain = {grain:String}
        and kind = 'score'
        and ({route:String} = '' or route = {route:String})
        and n > 0
        and hour >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
        and hour < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
)
group by app, environment, route
limit 10000
