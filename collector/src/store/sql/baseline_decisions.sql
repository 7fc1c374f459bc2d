-- Decisions about baselines up to a moment, in the order in which they were made; those by rule only of a strategy that has them.
-- Parameters: up to when (ms), whether by rule.
select
    automatic, app, environment, route, kind, vital, decision, toInt64(toUnixTimestamp(from_at)) div 3600 as from_hour,
    toInt64(toUnixTimestamp(to_at)) div 3600 as to_hour, toInt64(toUnixTimestamp(at)) div 3600 as at_hour
from baseline_decision_rows final
where decision != 'withdrawn' and at <= fromUnixTimestamp64Milli(?) and (? or not automatic)
order by at, version, id
