-- Who visits with what, and how fast it is for them. Browsers measure different things: without LCP (older Safari) its p75 is
-- empty, which is not zero.
-- curl 'http://127.0.0.1:8123/?database=vitalscope&default_format=PrettyCompactMonoBlock&param_app=shop&param_days=7' --data-binary @traffic_by_browser.sql
select
    p.browser as browser,
    p.device as device,
    uniqExact(p.view_id, p.started_at) as page_views,
    uniqExact(p.session_id) as sessions,
    round(page_views / sum(page_views) over (), 3) as share,
    countIf(m.vital = 'LCP') as lcp_count,
    if(lcp_count = 0, null, round(quantileExactIf(0.75)(m.value, m.vital = 'LCP'))) as lcp_p75_ms
from page_views as p
left join measurements as m on m.app = p.app and m.view_id = p.view_id
where p.app = {app:String}
    and p.started_at >= now() - toIntervalDay({days:UInt16})
group by browser, device
order by page_views desc, browser, device
limit 50
