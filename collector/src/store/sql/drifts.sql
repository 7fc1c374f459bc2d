-- The slow drifts that a day listed (0: the newest): what will cross a threshold first, then the surest. '' means all.
select
    toString(day) as day,
    id, toString(app) as app, toString(environment) as environment, route, toString(kind) as kind, toString(vital) as vital,
    toString(direction) as direction, window_days, change_ratio, change_low, change_high, p_value,
    ratio_per_day, ratio_per_day_low, ratio_per_day_high, baseline_p75, current_p75,
    toInt64(toUnixTimestamp(reference_from)) * 1000 as reference_from_ms,
    toInt64(toUnixTimestamp(reference_to)) * 1000 as reference_to_ms,
    threshold,
    toString(d.crosses_on) as crosses_on,
    toString(d.crosses_earliest) as crosses_earliest,
    toString(d.crosses_latest) as crosses_latest
from drifts as d
where d.day = if({day:UInt16} = 0, (select max(day) from drift_rows), toDate({day:UInt16}))
    and ({app:String} = '' or d.app = {app:String})
    and ({environment:String} = '' or d.environment = {environment:String})
    and ({route:String} = '' or d.route = {route:String})
order by d.crosses_on is null, d.crosses_on, p_value, app, environment, route, kind, vital
limit 1000
