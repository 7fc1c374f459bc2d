-- What a finding says beyond one ratio, as JSON: which comparison decided it, and that comparison's own numbers. The next evaluation
-- reads it again, because it goes on with the comparison that began.

alter table finding_rows
    add column if not exists detail String;

create view findings as
select
    f.id as id, f.app as app, f.environment as environment, f.route as route, f.kind as kind, f.vital as vital,
    f.stratum as stratum, f.direction as direction, if(d.decision = 'muted', 'muted', toString(f.state)) as state,
    f.severity as severity, f.change_ratio as change_ratio, f.change_low as change_low, f.change_high as change_high,
    f.p_value as p_value, f.z as z, f.confidence as confidence, f.window_hours as window_hours,
    f.baseline_p75 as baseline_p75, f.current_p75 as current_p75,
    f.baseline_n as baseline_n, f.current_n as current_n, f.change_point as change_point,
    f.change_point_low as change_point_low, f.change_point_high as change_point_high, f.release as release,
    f.opened_at as opened_at, f.confirmed_at as confirmed_at, f.resolved_at as resolved_at,
    f.recommendation as recommendation, f.detail as detail
from finding_rows as f final
left join (select id, toString(decision) as decision from decision_rows final where subject = 'finding') as d on d.id = f.id
where not f.withdrawn;
