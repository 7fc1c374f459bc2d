-- Days of routes by stratum and release in `rollup_totals` (grain `route-day`, dimension `stratum`), for lists filtered by more than one of
-- them and for comparisons of releases. These say sessions too, summed over hours as those of the rollups are.

alter table rollup_totals
    add column if not exists sessions UInt64 codec(T64, ZSTD(1));

-- Days from before there were these.
insert into rollup_totals (app, environment, grain, kind, dimension, value, hour, vital, route, generation, n, sessions, buckets)
select
    app, environment, 'route-day', kind, 'stratum', concat(stratum, ' ', release), toStartOfDay(hour) as day, vital, route, 1, sum(n),
    sum(sessions), sumMap(buckets)
from rollup_hours final
where n > 0 and kind = 'vital' and route != '*'
group by app, environment, kind, stratum, release, day, vital, route
settings max_bytes_before_external_group_by = 2000000000;
