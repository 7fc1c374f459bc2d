-- Each vital's histogram per app and environment over a range, of all routes.
select
    toString(app) as app,
    toString(environment) as environment,
    toString(vital) as vital,
    sum(n) as n,
    sumMap(buckets) as buckets
from rollups
where kind = 'vital'
    and route != '*'
    and hour >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
    and hour < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
group by app, environment, vital
order by n desc, app, environment, vital
limit 10000
