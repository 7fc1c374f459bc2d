-- What a vital of a route ('*' for all) was blamed on: parts of it with the time they took together, and elements, scripts and
-- interactions with the vital's histogram where they were blamed. The most frequent of each kind.
select
    toString(fact) as fact,
    name,
    sum(n) as n,
    sum(sum_ms) as sum_ms,
    sumMap(buckets) as buckets
from rollups_by_attribution
where app = {app:String}
    and environment = {environment:String}
    and kind = 'vital'
    and vital = {vital:String}
    and route = {route:String}
    and hour >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
    and hour < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
group by fact, name
order by fact, n desc, name
limit 20 by fact
