-- How old page views are when they tell the growth of their heap, minutes, in the middle of a route's last days. MEMORY has both among its
-- facts; a page view that is too short for a growth has none, and so has no row of MEMORY_GROWTH.
-- Parameters: first and last second.
select
    toString(app) as app,
    toString(environment) as environment,
    toString(route) as route,
    quantile(0.5)(JSONExtractFloat(attribution, 'age_ms')) / 60000 as minutes
from measurement_rows final
where vital = 'MEMORY'
    and started_at >= fromUnixTimestamp(?) and started_at < fromUnixTimestamp(?)
    and JSONHas(attribution, 'growth_bytes_per_min') and JSONExtractFloat(attribution, 'age_ms') > 0
group by app, environment, route
order by app, environment, route
