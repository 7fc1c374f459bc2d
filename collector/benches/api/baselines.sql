-- A baseline for each series of the made-up app.
insert into baseline_rows
    (id, version, app, environment, route, kind, vital, strategy, state, p50, p75, p95, mean, stddev, n, hours_used, hours_left_out,
    left_out_reasons, from_at, to_at, updated_at)
select
    concat(route, ' ', vital) as id, 1, 'shop', 'production', route, 'vital', vital, 'rolling', 'approved', 1000, 2000, 4000, 1500, 700,
    10000, 100, 0, [], now() - toIntervalHour(6 * 24), now() - toIntervalHour(2 * 24), now64(3)
from (select distinct toString(route) as route, toString(vital) as vital from rollup_totals where grain = 'route-day' and dimension = '' and kind = 'vital')
