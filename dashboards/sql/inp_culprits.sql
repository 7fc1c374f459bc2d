-- What people touched when the page answered late (INP over 200 ms), and where the time went: waiting for other work, in the
-- page's own handlers, or until the next paint.
-- curl 'http://127.0.0.1:8123/?database=vitalscope&default_format=PrettyCompactMonoBlock&param_app=shop&param_days=7' --data-binary @inp_culprits.sql
select
    route,
    JSONExtractString(attribution, 'element') as element,
    JSONExtractString(attribution, 'type') as interaction,
    count() as slow_page_views,
    round(quantileExact(0.75)(value)) as p75_ms,
    round(avg(JSONExtractFloat(attribution, 'input_delay_ms'))) as mean_input_delay_ms,
    round(avg(JSONExtractFloat(attribution, 'processing_ms'))) as mean_processing_ms,
    round(avg(JSONExtractFloat(attribution, 'presentation_ms'))) as mean_presentation_ms
from measurements
where app = {app:String}
    and vital = 'INP'
    and rating != 'good'
    and started_at >= now() - toIntervalDay({days:UInt16})
group by route, element, interaction
order by slow_page_views desc, p75_ms desc, route, element
limit 25
