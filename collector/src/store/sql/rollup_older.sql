-- As `rollup_history`, of some series, and from before its range: the hours of approved baselines.
-- Parameters: first hour, hour after the last, series.
select
    app, environment, route, kind, vital, stratum, release, toInt64(toUnixTimestamp(hour)) div 3600 as hour_number,
    mapKeys(buckets) as bucket_indices, mapValues(buckets) as bucket_counts
from rollups
where hour >= fromUnixTimestamp(? * 3600) and hour < fromUnixTimestamp(? * 3600)
    and (toString(app), toString(environment), toString(route), toString(kind), toString(vital)) in ?
order by hour_number, stratum, release
