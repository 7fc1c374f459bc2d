-- The whole app by stratum and release in `rollup_totals` (grains `app-hour` and `app-day`, dimension `stratum`): `value` is the stratum, a
-- space, and the release. Filters by device, connection, delivery and release read these instead of every route's hours.

-- Hours from before there were these.
insert into rollup_totals (app, environment, grain, kind, dimension, value, hour, vital, route, generation, n, buckets)
select app, environment, 'app-hour', kind, 'stratum', concat(stratum, ' ', release), hour, vital, '*', 1, sum(n), sumMap(buckets)
from rollup_hours final
where n > 0 and kind = 'vital'
group by app, environment, kind, stratum, release, hour, vital
settings max_bytes_before_external_group_by = 2000000000;

insert into rollup_totals (app, environment, grain, kind, dimension, value, hour, vital, route, generation, n, buckets)
select app, environment, 'app-day', kind, dimension, value, toStartOfDay(hour) as day, vital, route, 1, sum(n), sumMap(buckets)
from rollup_totals final
where n > 0 and grain = 'app-hour' and dimension = 'stratum'
group by app, environment, kind, dimension, value, day, vital, route
settings max_bytes_before_external_group_by = 2000000000;
