-- What a list of all routes reads, and the app as a whole: histograms summed over strata and releases, per hour and per UTC day, of each
-- route and (`*`) of all. Recomputed from the rollups beneath them whenever those are, by the same rule: the newest generation of
-- a key wins, and a key that is no longer there is written with n = 0.
--
-- `grain` is `app-hour app-day route-hour route-day`; `hour` is where the hour or day begins. The key has the time before the route:
-- a question is about all routes of some hours or days. `dimension` and `value` are empty for everybody's page views; days of a route
-- are also kept by each value of each dimension. Of kind `score` is how good single page views were: `buckets` counts them by whole
-- points from 0 to 100.

create table rollup_totals
(
    app LowCardinality(String),
    environment LowCardinality(String),
    grain LowCardinality(String),
    kind LowCardinality(String),
    dimension LowCardinality(String),
    value LowCardinality(String),
    hour DateTime('UTC') codec(Delta, ZSTD(1)),
    vital LowCardinality(String),
    route LowCardinality(String),
    generation UInt64 codec(ZSTD(1)),
    n UInt64 codec(T64, ZSTD(1)),
    buckets Map(UInt16, UInt64) codec(ZSTD(1))
)
engine = ReplacingMergeTree(generation)
partition by toYYYYMM(hour)
order by (app, environment, grain, kind, dimension, value, hour, vital, route)
settings fsync_after_insert = 1, fsync_part_directory = 1, ttl_only_drop_parts = 1;

-- Hours from before there was this table. Scores begin with it.
insert into rollup_totals (app, environment, grain, kind, dimension, value, hour, vital, route, generation, n, buckets)
select app, environment, place.1, kind, '', '', hour, vital, place.2, 1, sum(n), sumMap(buckets)
from rollup_hours final
array join if(route = '*', [('app-hour', '*')], [('route-hour', toString(route)), ('app-hour', '*')]) as place
where n > 0
group by app, environment, place, kind, hour, vital
settings max_bytes_before_external_group_by = 2000000000;

insert into rollup_totals (app, environment, grain, kind, dimension, value, hour, vital, route, generation, n, buckets)
select app, environment, if(grain = 'app-hour', 'app-day', 'route-day') as wider, kind, '', '', toStartOfDay(hour) as day, vital, route, 1, sum(n), sumMap(buckets)
from rollup_totals final
where n > 0 and grain in ('app-hour', 'route-hour')
group by app, environment, wider, kind, day, vital, route
settings max_bytes_before_external_group_by = 2000000000;

insert into rollup_totals (app, environment, grain, kind, dimension, value, hour, vital, route, generation, n, buckets)
select app, environment, 'route-day', kind, dimension, value, toStartOfDay(hour) as day, vital, route, 1, sum(n), sumMap(buckets)
from rollup_dimension_hours final
where n > 0 and route != '*'
group by app, environment, kind, dimension, value, day, vital, route
settings max_bytes_before_external_group_by = 2000000000;

-- How good page views were, 0 to 100 points each (docs/scores.md), per hour and route (`*`: the whole app): their number, the mean,
-- and how many had how many points.
create view scores as
select app, environment, route, hour, n, arraySum(arrayMap((points, count) -> points * count, mapKeys(buckets), mapValues(buckets))) / n as score, buckets
from rollup_totals final
where kind = 'score' and grain in ('app-hour', 'route-hour') and n > 0;
