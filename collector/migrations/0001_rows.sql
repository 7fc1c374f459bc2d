-- What beacons become: one row per page view, per page view and vital, and per operation. Internal; users query the views.
--
-- Every table is an upsert by key (ReplacingMergeTree), so that a block which arrives twice, whole or cut differently, changes
-- nothing. The sort key holds only constants that the page sends unchanged in every beacon: app, view, start, vital, and for
-- operations seq and position. What the collector computes (corrected time, route, stratum) is a value. `version` holds the
-- beacon's sequence number in its high bits and the inverted spool record number below: the newest sequence wins, and of two
-- arrivals of one sequence the first.
--
-- `day` is the day of the client's `start` where that is plausible and 1970-01-01 where it is not, so that a wrong clock cannot
-- open thousands of partitions. `bucket` is the histogram bucket, computed by the collector: SQL never derives its edges.
-- The retention (TTL) is set by `vitalscope migrate` from the configuration.

create table page_view_rows
(
    app LowCardinality(String),
    view_id UUID codec(ZSTD(1)),
    start_ms UInt64 codec(Delta, ZSTD(1)),
    version UInt64 codec(ZSTD(1)),
    day Date,
    seq UInt32 codec(T64, ZSTD(1)),
    environment LowCardinality(String),
    release LowCardinality(String),
    route LowCardinality(String),
    path String codec(ZSTD(1)),
    session_id String codec(ZSTD(1)),
    navigation_type LowCardinality(String),
    started_at DateTime64(3, 'UTC') codec(Delta, ZSTD(1)),
    received_at DateTime64(3, 'UTC') codec(Delta, ZSTD(1)),
    device LowCardinality(String),
    browser LowCardinality(String),
    os LowCardinality(String),
    country LowCardinality(String),
    connection LowCardinality(String),
    engine LowCardinality(String),
    stratum LowCardinality(String),
    referrer String codec(ZSTD(1)),
    custom Map(LowCardinality(String), String),
    sample_rate Float64 codec(ZSTD(1)),
    interactions UInt32 codec(T64, ZSTD(1)),
    interactions_seen UInt32 codec(T64, ZSTD(1)),
    entries_dropped UInt32 codec(T64, ZSTD(1)),
    agent_main_ms Float64 codec(ZSTD(1)),
    agent_bytes UInt32 codec(T64, ZSTD(1)),
    timing Map(LowCardinality(String), Float64),
    inserted_at DateTime64(3, 'UTC') default now64(3, 'UTC') codec(Delta, ZSTD(1)),
    index started_at_range started_at type minmax granularity 1
)
engine = ReplacingMergeTree(version)
partition by day
order by (app, intDiv(start_ms, 3600000), view_id, start_ms)
settings non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1, ttl_only_drop_parts = 1;

-- What agents had to give up. Each beacon tells what is new since the one before, so the beacons of a view are added up; they
-- are rare, which is why they have a table of their own.
create table page_view_drop_rows
(
    app LowCardinality(String),
    view_id UUID codec(ZSTD(1)),
    start_ms UInt64 codec(Delta, ZSTD(1)),
    seq UInt32,
    version UInt64 codec(ZSTD(1)),
    day Date,
    received_at DateTime64(3, 'UTC') codec(Delta, ZSTD(1)),
    drops Map(LowCardinality(String), UInt64)
)
engine = ReplacingMergeTree(version)
partition by day
order by (app, intDiv(start_ms, 3600000), view_id, start_ms, seq)
settings non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1, ttl_only_drop_parts = 1;

create table measurement_rows
(
    app LowCardinality(String),
    view_id UUID codec(ZSTD(1)),
    start_ms UInt64 codec(Delta, ZSTD(1)),
    vital LowCardinality(String),
    version UInt64 codec(ZSTD(1)),
    day Date,
    environment LowCardinality(String),
    release LowCardinality(String),
    route LowCardinality(String),
    path String codec(ZSTD(1)),
    session_id String codec(ZSTD(1)),
    navigation_type LowCardinality(String),
    value Float64 codec(ZSTD(1)),
    bucket UInt16 codec(ZSTD(1)),
    rating LowCardinality(String),
    started_at DateTime64(3, 'UTC') codec(Delta, ZSTD(1)),
    received_at DateTime64(3, 'UTC') codec(Delta, ZSTD(1)),
    device LowCardinality(String),
    browser LowCardinality(String),
    os LowCardinality(String),
    country LowCardinality(String),
    connection LowCardinality(String),
    attribution String codec(ZSTD(1)),
    engine LowCardinality(String),
    stratum LowCardinality(String),
    inserted_at DateTime64(3, 'UTC') default now64(3, 'UTC') codec(Delta, ZSTD(1)),
    index started_at_range started_at type minmax granularity 1,
    index inserted_at_range inserted_at type minmax granularity 1
)
engine = ReplacingMergeTree(version)
partition by day
order by (app, intDiv(start_ms, 3600000), view_id, start_ms, vital)
settings non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1, ttl_only_drop_parts = 1;

create table operation_rows
(
    app LowCardinality(String),
    view_id UUID codec(ZSTD(1)),
    start_ms UInt64 codec(Delta, ZSTD(1)),
    seq UInt32 codec(T64, ZSTD(1)),
    position UInt32 codec(T64, ZSTD(1)),
    version UInt64 codec(ZSTD(1)),
    day Date,
    environment LowCardinality(String),
    release LowCardinality(String),
    route LowCardinality(String),
    session_id String codec(ZSTD(1)),
    name LowCardinality(String),
    duration_ms Float64 codec(ZSTD(1)),
    bucket UInt16 codec(ZSTD(1)),
    success Bool,
    error_type LowCardinality(String),
    memory_bytes Nullable(Float64) codec(ZSTD(1)),
    input_size Nullable(Float64) codec(ZSTD(1)),
    attributes String codec(ZSTD(1)),
    at DateTime64(3, 'UTC') codec(Delta, ZSTD(1)),
    received_at DateTime64(3, 'UTC') codec(Delta, ZSTD(1)),
    stratum LowCardinality(String),
    inserted_at DateTime64(3, 'UTC') default now64(3, 'UTC') codec(Delta, ZSTD(1)),
    index at_range at type minmax granularity 1,
    index inserted_at_range inserted_at type minmax granularity 1
)
engine = ReplacingMergeTree(version)
partition by day
order by (app, intDiv(start_ms, 3600000), view_id, start_ms, seq, position)
settings non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1, ttl_only_drop_parts = 1;
