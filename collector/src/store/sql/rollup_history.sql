-- Hourly histograms of a range of hours, for the detector. Parameters: first hour, hour after the last (both since 1970); app, twice
-- (empty: every app).
select
    app, environment, route, kind, vital, stratum, release, toInt64(toUnixTimestamp(hour)) div 3600 as hour_number,
    mapKeys(buckets) as bucket_indices, mapValues(buckets) as bucket_counts
from rollups
where hour >= fromUnixTimestamp(? * 3600) and hour < fromUnixTimestamp(? * 3600) and (? = '' or app = ?)
-- The order of strata decides the last digit of floating-point sums: always the same one.
order by hour_number, stratum, release
