-- What a release changed: p75 per route and vital over the {days} days before it was first seen and after.
-- A difference here is a question, not an answer: traffic and its mix change as well. Findings say what is more than chance.
-- curl 'http://127.0.0.1:8123/?database=vitalscope&default_format=PrettyCompactMonoBlock&param_app=shop&param_release=1.4.2&param_days=3' --data-binary @release_before_after.sql
with (
    select min(`at`)
    from deploys
    where app = {app:String} and release = {release:String}
) as went_live
select
    route,
    vital,
    countIf(started_at < went_live) as before_count,
    countIf(started_at >= went_live) as after_count,
    round(quantileExactIf(0.75)(value, started_at < went_live), 3) as before_p75,
    round(quantileExactIf(0.75)(value, started_at >= went_live), 3) as after_p75,
    round(after_p75 / nullIf(before_p75, 0), 3) as change_ratio
from measurements
where app = {app:String}
    and started_at >= went_live - toIntervalDay({days:UInt16})
    and started_at < went_live + toIntervalDay({days:UInt16})
group by route, vital
having before_count >= 50 and after_count >= 50
order by change_ratio desc, route, vital
