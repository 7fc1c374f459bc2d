-- Where memory is not given back: how fast the heap grows per hour of a page view that lasted, and how far that is by the middle visit's
-- end. Growth is the slope of what collections leave, after the first minutes; a single page view that grows proves nothing.
-- curl 'http://127.0.0.1:8123/?database=vitalscope&default_format=PrettyCompactMonoBlock&param_app=shop&param_days=7' --data-binary @leak_suspects.sql
with
    JSONExtractFloat(attribution, 'growth_bytes_per_min') as growth_bytes_per_min,
    JSONExtractFloat(attribution, 'age_ms') / 60000 as age_min
select
    route,
    count() as page_views,
    round(quantileExact(0.5)(growth_bytes_per_min) * 60 / 1e6, 1) as median_growth_mb_per_hour,
    round(countIf(growth_bytes_per_min > 0) / count(), 3) as share_growing,
    round(quantileExact(0.5)(age_min), 1) as median_age_min,
    round(median_growth_mb_per_hour * median_age_min / 60, 1) as grown_mb_at_median_age,
    round(quantileExact(0.75)(value) / 1e6, 1) as p75_mb
from measurements
where app = {app:String}
    and vital = 'MEMORY'
    and started_at >= now() - toIntervalDay({days:UInt16})
    -- Page views too short for a slope do not state one.
    and JSONHas(attribution, 'growth_bytes_per_min')
group by route
having page_views >= 20 and median_growth_mb_per_hour > 0
order by grown_mb_at_median_age * page_views desc, route
limit 25
