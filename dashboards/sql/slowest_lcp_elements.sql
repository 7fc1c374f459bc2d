-- Which elements are the largest paint, how slow they are, and which part of the wait is theirs: waiting for the server, for the
-- resource to be found, for it to load, or for it to be drawn.
-- curl 'http://127.0.0.1:8123/?database=vitalscope&default_format=PrettyCompactMonoBlock&param_app=shop&param_days=7' --data-binary @slowest_lcp_elements.sql
select
    route,
    JSONExtractString(attribution, 'element') as element,
    count() as page_views,
    round(quantileExact(0.75)(value)) as p75_ms,
    round(avg(JSONExtractFloat(attribution, 'load_delay_ms'))) as mean_load_delay_ms,
    round(avg(JSONExtractFloat(attribution, 'load_ms'))) as mean_load_ms,
    round(avg(JSONExtractFloat(attribution, 'render_delay_ms'))) as mean_render_delay_ms
from measurements
where app = {app:String}
    and vital = 'LCP'
    and started_at >= now() - toIntervalDay({days:UInt16})
    and element != ''
group by route, element
-- What it costs all visitors together: one slow page view in a thousand is not the first thing to mend.
order by p75_ms * page_views desc, route, element
limit 25
