-- p75 of every vital per route over the last {days} days, with the share of good page views.
-- Needs at least 50 page views, because the p75 of a handful says nothing.
-- curl 'http://127.0.0.1:8123/?database=vitalscope&default_format=PrettyCompactMonoBlock&param_app=shop&param_days=7' --data-binary @p75_by_route.sql
select
    route,
    vital,
    count() as page_views,
    round(quantileExact(0.75)(value), 3) as p75,
    -- MEMORY has no published limits, so nothing of it is rated.
    if(vital = 'MEMORY', null, round(countIf(rating = 'good') / count(), 3)) as good
from measurements
where app = {app:String}
    and started_at >= now() - toIntervalDay({days:UInt16})
group by route, vital
having page_views >= 50
order by page_views desc, route, vital
