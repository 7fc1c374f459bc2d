-- Each vital's histogram per app and environment over a range, of all routes.
select
    toString(app) as app,
    toString(environment) as environment,
    toString(vital) as vital,
    sum(part_n) as n,
    sumMap(part_buckets) as buckets
from
(
    select app, environment, vital, n as part_n, buckets as part_buckets
    from rollup_totals final
    where grain = {grain:String}
        and kind = 'vital'
        and dimension = ''
        and n > 0
        and hour >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
        and hour < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
    union all
    select app, environment, vital, n as part_n, buckets as part_buckets
    from imported_hours final
    where kind = 'vital'
        and route != '*'
        and n > 0
        and hour >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
        and hour < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
)
group by app, environment, vital
order by n desc, app, environment, vital
limit 10000
