-- What a series is made of, per hour: its histogram split by one dimension of its page views, and by what they blame. Recomputed from
-- the rows as a whole like `rollup_hours`, by the same rule: the newest generation of a key wins, and a key that the hour no longer
-- has is written with n = 0. Imported histories know neither, so there is no table of theirs.
--
-- Both are asked for one route or (`*`, a row of its own) the whole app, for one vital, over a range of hours: the sort key begins
-- with what a question fixes, so that its cost depends on the hours and not on the page views or the other routes.

-- Splits by browser, os, country, connection, device, navigation type and release. The 50 most frequent values of a dimension in an
-- hour of an environment have rows, on every route the same ones; all others are counted as `other`. So the values of a split always
-- add up to its series, and the routes of a value to its `*`.
create table rollup_dimension_hours
(
    app LowCardinality(String),
    environment LowCardinality(String),
    kind LowCardinality(String),
    vital LowCardinality(String),
    dimension LowCardinality(String),
    route LowCardinality(String),
    hour DateTime('UTC') codec(Delta, ZSTD(1)),
    value LowCardinality(String),
    generation UInt64 codec(ZSTD(1)),
    n UInt64 codec(T64, ZSTD(1)),
    buckets Map(UInt16, UInt64) codec(ZSTD(1)),
    index hour_range hour type minmax granularity 1
)
engine = ReplacingMergeTree(generation)
partition by toYYYYMM(hour)
order by (app, environment, kind, vital, dimension, route, hour, value)
settings fsync_after_insert = 1, fsync_part_directory = 1, ttl_only_drop_parts = 1;

-- What is to blame. `fact` is `element`, `script`, `type` or `load_state`, and `name` what it was; or `phase`, and `name` the part of
-- the vital. `n` page views said so; `buckets` is the histogram of their vital. Of phases there is none, but `sum_ms`, the time they
-- took together. Elements are whatever strangers send: 200 characters of them, the 50 most frequent ones per route, vital and hour
-- (of `*` those of the whole app), the rest is `other`.
create table rollup_attribution_hours
(
    app LowCardinality(String),
    environment LowCardinality(String),
    kind LowCardinality(String),
    vital LowCardinality(String),
    fact LowCardinality(String),
    route LowCardinality(String),
    hour DateTime('UTC') codec(Delta, ZSTD(1)),
    name String codec(ZSTD(1)),
    generation UInt64 codec(ZSTD(1)),
    n UInt64 codec(T64, ZSTD(1)),
    sum_ms Float64 codec(ZSTD(1)),
    buckets Map(UInt16, UInt64) codec(ZSTD(1)),
    index hour_range hour type minmax granularity 1
)
engine = ReplacingMergeTree(generation)
partition by toYYYYMM(hour)
order by (app, environment, kind, vital, fact, route, hour, name)
settings fsync_after_insert = 1, fsync_part_directory = 1, ttl_only_drop_parts = 1;

-- As `rollup_generations`, for the two tables above: they cost more, so a running hour is recomputed less often. Hours from before
-- there were such tables are not in here and therefore computed at the first start. In both, the row without an app says up to which
-- arrival every hour was complete.
create table rollup_detail_generations
(
    app LowCardinality(String),
    hour DateTime('UTC'),
    generation UInt64,
    seen_at DateTime64(3, 'UTC'),
    computed_at DateTime64(3, 'UTC')
)
engine = ReplacingMergeTree(generation)
order by (app, hour)
settings fsync_after_insert = 1, fsync_part_directory = 1;

create view rollups_by_dimension as
select app, environment, route, kind, vital, dimension, value, hour, n, buckets from rollup_dimension_hours final where n > 0;

create view rollups_by_attribution as
select app, environment, route, kind, vital, fact, name, hour, n, sum_ms, buckets from rollup_attribution_hours final where n > 0;
