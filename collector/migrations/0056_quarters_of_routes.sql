-- Quarters of UTC days of routes in `rollup_totals` (grain `route-quarter`, six hours each), of everybody's page views: a list of all routes over
-- a day or two reads these and the few hours at its ends, instead of an hour of every route two dozen times.

-- Hours from before there were these.
insert into rollup_totals (app, environment, grain, kind, dimension, value, hour, vital, route, generation, n, buckets)
select app, environment, 'route-quarter', kind, '', '', toStartOfInterval(hour, interval 6 hour) as quarter, vital, route, 1, sum(n), sumMap(buckets)
from rollup_totals final
where n > 0 and grain = 'route-hour'
group by app, environment, kind, quarter, vital, route
settings max_bytes_before_external_group_by = 2000000000;
