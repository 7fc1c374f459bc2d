-- One finding on the busiest route.
insert into finding_rows
    (id, version, app, environment, route, kind, vital, stratum, direction, state, severity, change_ratio, change_low, change_high, p_value,
    z, confidence, window_hours, baseline_p75, current_p75, baseline_n, current_n, change_point, change_point_low, change_point_high,
    release, opened_at, confirmed_at, resolved_at, recommendation, withdrawn)
select
    'finding', 1, 'shop', 'production', '/section-0/page-0/:id', 'vital', 'LCP', '', 'regression', 'confirmed', 'critical', 1.3, 1.2, 1.4,
    1e-9, 9, 0.999, 24, 2000, 2600, 20000, 9000, now() - toIntervalHour(72), now() - toIntervalHour(74), now() - toIntervalHour(70),
    '2.0.0', now() - toIntervalHour(70), now() - toIntervalHour(66), null, 'Look at the hero image.', false
