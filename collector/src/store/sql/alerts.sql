-- Alerts of an app ('' for all), newest first.
select
    toString(id) as id,
    toString(rule) as rule,
    toString(app) as app,
    toString(route) as route,
    toString(vital) as vital,
    toString(severity) as severity,
    toString(state) as state,
    toString(finding_id) as finding_id,
    toInt64(toUnixTimestamp(opened_at)) * 1000 as opened_at_ms,
    toInt64(ifNull(toUnixTimestamp(resolved_at), 0)) * 1000 as resolved_at_ms,
    toInt64(ifNull(toUnixTimestamp(last_sent_at), 0)) * 1000 as last_sent_at_ms
from alerts
where ({app:String} = '' or app = {app:String})
order by opened_at_ms desc, id
limit 10000
