-- Keeps what a person decided about the hours that a baseline has now. Parameters: decision, note, id.
insert into baseline_decision_rows
    (id, automatic, at, version, app, environment, route, kind, vital, decision, from_at, to_at, note)
select
    id, false as automatic, now64(3) as at, toUInt64(toUnixTimestamp64Milli(now64(3))) as version, app, environment, route, kind, vital,
    ? as decision, from_at, to_at, ? as note
from baseline_rows final
where id = ? and not withdrawn
