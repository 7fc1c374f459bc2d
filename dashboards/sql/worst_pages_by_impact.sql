-- Where most visitors have a poor time: page views rated poor per route and vital. Traffic counts as much as slowness.
-- It reads single page views; over months the view rollups answers the same question for less.
-- curl 'http://127.0.0.1:8123/?database=vitalscope&default_format=PrettyCompactMonoBlock&param_app=shop&param_days=7' --data-binary @worst_pages_by_impact.sql
select
    route,
    vital,
    countIf(rating = 'poor') as poor_page_views,
    count() as page_views,
    round(poor_page_views / page_views, 3) as poor,
    round(quantileExact(0.75)(value), 3) as p75
from measurements
where app = {app:String}
    and vital in ('LCP', 'INP', 'CLS')
    and started_at >= now() - toIntervalDay({days:UInt16})
group by route, vital
having poor_page_views > 0
order by poor_page_views desc, route, vital
limit 25
