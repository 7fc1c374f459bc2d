-- The names that users query. Base tables may change under them; these columns are a contract.

create view measurements as
select
    app, environment, release, route, path, view_id, session_id, navigation_type, vital, value, rating, started_at, received_at,
    device, browser, os, country, connection, attribution, engine, stratum, bucket
from measurement_rows final;

create view page_views as
select
    v.app as app, v.environment as environment, v.release as release, v.route as route, v.path as path, v.view_id as view_id,
    v.session_id as session_id, v.navigation_type as navigation_type, v.started_at as started_at, v.received_at as received_at,
    v.device as device, v.browser as browser, v.os as os, v.country as country, v.connection as connection, v.engine as engine,
    v.stratum as stratum, v.referrer as referrer, v.custom as custom, v.sample_rate as sample_rate, v.interactions as interactions,
    v.interactions_seen as interactions_seen, v.entries_dropped as entries_dropped,
    -- Sequence numbers count from 0, so this includes beacons that never arrived.
    v.seq + 1 as beacons,
    d.drops as drops, v.agent_main_ms as agent_main_ms, v.agent_bytes as agent_bytes,
    -- Durations.
    if(mapContains(v.timing, 'dns_end_ms'), v.timing['dns_end_ms'] - v.timing['dns_start_ms'], null) as dns_ms,
    if(mapContains(v.timing, 'connect_end_ms'), v.timing['connect_end_ms'] - v.timing['connect_start_ms'], null) as connect_ms,
    if(mapContains(v.timing, 'tls_start_ms'), v.timing['connect_end_ms'] - v.timing['tls_start_ms'], null) as tls_ms,
    -- Milestones, since the start of the page view.
    if(mapContains(v.timing, 'worker_start_ms'), v.timing['worker_start_ms'], null) as worker_ms,
    if(mapContains(v.timing, 'request_ms'), v.timing['request_ms'], null) as request_ms,
    if(mapContains(v.timing, 'response_end_ms'), v.timing['response_end_ms'], null) as response_ms,
    if(mapContains(v.timing, 'dom_interactive_ms'), v.timing['dom_interactive_ms'], null) as dom_interactive_ms,
    if(mapContains(v.timing, 'dom_content_loaded_ms'), v.timing['dom_content_loaded_ms'], null) as dom_content_loaded_ms,
    if(mapContains(v.timing, 'load_ms'), v.timing['load_ms'], null) as load_ms,
    if(mapContains(v.timing, 'first_paint_ms'), v.timing['first_paint_ms'], null) as first_paint_ms,
    if(mapContains(v.timing, 'long_tasks'), v.timing['long_tasks'], null) as long_tasks,
    if(mapContains(v.timing, 'blocking_ms'), v.timing['blocking_ms'], null) as blocking_ms,
    if(mapContains(v.timing, 'resource_count'), v.timing['resource_count'], null) as resource_count,
    if(mapContains(v.timing, 'resource_bytes'), v.timing['resource_bytes'], null) as resource_bytes
from page_view_rows as v final
left join
(
    select app, view_id, start_ms, sumMap(drops) as drops from page_view_drop_rows final group by app, view_id, start_ms
) as d on d.app = v.app and d.view_id = v.view_id and d.start_ms = v.start_ms;

create view operations as
select
    app, environment, release, route, name, duration_ms, success, error_type, memory_bytes, input_size, attributes, at,
    view_id, session_id, stratum, bucket
from operation_rows final;

create view rollups as
select app, environment, route, kind, vital, stratum, release, hour, n, sessions, buckets from rollup_hours final where n > 0
union all
select app, environment, route, kind, vital, stratum, release, hour, n, sessions, buckets from imported_hours final where n > 0;

create view rollups_minute as
select app, environment, route, kind, vital, stratum, release, minute, n, sessions, buckets from rollup_minutes final where n > 0;

create view baselines as
select
    b.id as id, b.app as app, b.environment as environment, b.route as route, b.kind as kind, b.vital as vital,
    b.strategy as strategy, if(d.decision != '', d.decision, toString(b.state)) as state,
    b.p50 as p50, b.p75 as p75, b.p95 as p95, b.mean as mean, b.stddev as stddev, b.n as n, b.hours_used as hours_used,
    b.hours_left_out as hours_left_out, b.left_out_reasons as left_out_reasons, b.from_at as `from`, b.to_at as `to`,
    b.updated_at as updated_at, b.minimum_detectable_ratio as minimum_detectable_ratio
from baseline_rows as b final
left join (select id, toString(decision) as decision from decision_rows final where subject = 'baseline') as d on d.id = b.id;

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
    f.recommendation as recommendation
from finding_rows as f final
left join (select id, toString(decision) as decision from decision_rows final where subject = 'finding') as d on d.id = f.id
where not f.withdrawn;

create view deploys as
select app, environment, release, at, source from deploy_rows final;

create view alerts as
select id, rule, app, route, vital, severity, state, finding_id, opened_at, resolved_at, last_sent_at from alert_rows final;

create view evaluations as
select at, from_hour, to_hour, series, series_days, episodes, findings, duration_ms from evaluation_rows;
