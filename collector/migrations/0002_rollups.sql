-- Histograms per series, stratum and release: of each hour, and of each minute of the last day. They are recomputed from the rows
-- as a whole, never added to: the newest generation of a key wins, and a key that the hour no longer has is written with n = 0.
-- Imported series-hours (histories from elsewhere) live in their own table, where the newest import of a key wins.

create table rollup_hours
(
    app LowCardinality(String),
    kind LowCardinality(String),
    vital LowCardinality(String),
    environment LowCardinality(String),
    route LowCardinality(String),
    hour DateTime('UTC') codec(Delta, ZSTD(1)),
    stratum LowCardinality(String),
    release LowCardinality(String),
    generation UInt64 codec(ZSTD(1)),
    n UInt64 codec(T64, ZSTD(1)),
    sessions UInt64 codec(T64, ZSTD(1)),
    buckets Map(UInt16, UInt64) codec(ZSTD(1)),
    index hour_range hour type minmax granularity 1
)
engine = ReplacingMergeTree(generation)
partition by toYYYYMM(hour)
order by (app, kind, vital, environment, route, hour, stratum, release)
settings fsync_after_insert = 1, fsync_part_directory = 1, ttl_only_drop_parts = 1;

create table rollup_minutes
(
    app LowCardinality(String),
    kind LowCardinality(String),
    vital LowCardinality(String),
    environment LowCardinality(String),
    route LowCardinality(String),
    minute DateTime('UTC') codec(Delta, ZSTD(1)),
    stratum LowCardinality(String),
    release LowCardinality(String),
    generation UInt64 codec(ZSTD(1)),
    n UInt64 codec(T64, ZSTD(1)),
    sessions UInt64 codec(T64, ZSTD(1)),
    buckets Map(UInt16, UInt64) codec(ZSTD(1)),
    index minute_range minute type minmax granularity 1
)
engine = ReplacingMergeTree(generation)
partition by toStartOfInterval(minute, interval 6 hour)
order by (app, kind, vital, environment, route, minute, stratum, release)
ttl minute + interval 25 hour
settings ttl_only_drop_parts = 1;

create table imported_hours
(
    app LowCardinality(String),
    kind LowCardinality(String),
    vital LowCardinality(String),
    environment LowCardinality(String),
    route LowCardinality(String),
    hour DateTime('UTC') codec(Delta, ZSTD(1)),
    stratum LowCardinality(String),
    release LowCardinality(String),
    generation UInt64 codec(ZSTD(1)),
    n UInt64 codec(T64, ZSTD(1)),
    sessions UInt64 codec(T64, ZSTD(1)),
    buckets Map(UInt16, UInt64) codec(ZSTD(1)),
    index hour_range hour type minmax granularity 1
)
engine = ReplacingMergeTree(generation)
partition by toYYYYMM(hour)
order by (app, kind, vital, environment, route, hour, stratum, release)
settings fsync_after_insert = 1, fsync_part_directory = 1, ttl_only_drop_parts = 1;

-- Which hours were recomputed: `seen_at` is the newest arrival that a generation counted. An hour is dirty when rows arrived later.
create table rollup_generations
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
