create database if not exists vitalscope on cluster 'main';

create table if not exists migrations_local on cluster 'main'
(
    number UInt32,
    name String,
    checksum String,
    applied_at DateTime64(3, 'UTC')
)
engine = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/vitalscope/migrations_local', '{replica}')
order by number
settings fsync_after_insert = 1, fsync_part_directory = 1;

create table if not exists migrations on cluster 'main' as migrations_local
engine = Distributed('main', 'vitalscope', 'migrations_local', sipHash64(number));

create table if not exists page_view_rows_local on cluster 'main'
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
engine = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/vitalscope/page_view_rows_local', '{replica}', version)
partition by day
order by (app, intDiv(start_ms, 3600000), view_id, start_ms)
settings replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800, fsync_after_insert = 1, fsync_part_directory = 1, ttl_only_drop_parts = 1;

create table if not exists page_view_rows on cluster 'main' as page_view_rows_local
engine = Distributed('main', 'vitalscope', 'page_view_rows_local', sipHash64(app, view_id));

create table if not exists page_view_drop_rows_local on cluster 'main'
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
engine = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/vitalscope/page_view_drop_rows_local', '{replica}', version)
partition by day
order by (app, intDiv(start_ms, 3600000), view_id, start_ms, seq)
settings replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800, fsync_after_insert = 1, fsync_part_directory = 1, ttl_only_drop_parts = 1;

create table if not exists page_view_drop_rows on cluster 'main' as page_view_drop_rows_local
engine = Distributed('main', 'vitalscope', 'page_view_drop_rows_local', sipHash64(app, view_id));

create table if not exists measurement_rows_local on cluster 'main'
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
engine = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/vitalscope/measurement_rows_local', '{replica}', version)
partition by day
order by (app, intDiv(start_ms, 3600000), view_id, start_ms, vital)
settings replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800, fsync_after_insert = 1, fsync_part_directory = 1, ttl_only_drop_parts = 1;

create table if not exists measurement_rows on cluster 'main' as measurement_rows_local
engine = Distributed('main', 'vitalscope', 'measurement_rows_local', sipHash64(app, view_id));

create table if not exists operation_rows_local on cluster 'main'
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
engine = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/vitalscope/operation_rows_local', '{replica}', version)
partition by day
order by (app, intDiv(start_ms, 3600000), view_id, start_ms, seq, position)
settings replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800, fsync_after_insert = 1, fsync_part_directory = 1, ttl_only_drop_parts = 1;

create table if not exists operation_rows on cluster 'main' as operation_rows_local
engine = Distributed('main', 'vitalscope', 'operation_rows_local', sipHash64(app, view_id));

create table if not exists rollup_hours_local on cluster 'main'
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
engine = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/vitalscope/rollup_hours_local', '{replica}', generation)
partition by toYYYYMM(hour)
order by (app, kind, vital, environment, route, hour, stratum, release)
settings fsync_after_insert = 1, fsync_part_directory = 1, ttl_only_drop_parts = 1;

create table if not exists rollup_hours on cluster 'main' as rollup_hours_local
engine = Distributed('main', 'vitalscope', 'rollup_hours_local', sipHash64(app, kind, vital, environment, route, hour, stratum, release));

create table if not exists rollup_minutes_local on cluster 'main'
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
engine = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/vitalscope/rollup_minutes_local', '{replica}', generation)
partition by toStartOfInterval(minute, interval 6 hour)
order by (app, kind, vital, environment, route, minute, stratum, release)
ttl minute + interval 25 hour
settings ttl_only_drop_parts = 1;

create table if not exists rollup_minutes on cluster 'main' as rollup_minutes_local
engine = Distributed('main', 'vitalscope', 'rollup_minutes_local', sipHash64(app, kind, vital, environment, route, minute, stratum, release));

create table if not exists imported_hours_local on cluster 'main'
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
engine = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/vitalscope/imported_hours_local', '{replica}', generation)
partition by toYYYYMM(hour)
order by (app, kind, vital, environment, route, hour, stratum, release)
settings fsync_after_insert = 1, fsync_part_directory = 1, ttl_only_drop_parts = 1;

create table if not exists imported_hours on cluster 'main' as imported_hours_local
engine = Distributed('main', 'vitalscope', 'imported_hours_local', sipHash64(app, kind, vital, environment, route, hour, stratum, release));

create table if not exists rollup_generations_local on cluster 'main'
(
    app LowCardinality(String),
    hour DateTime('UTC'),
    generation UInt64,
    seen_at DateTime64(3, 'UTC'),
    computed_at DateTime64(3, 'UTC')
)
engine = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/vitalscope/rollup_generations_local', '{replica}', generation)
order by (app, hour)
settings fsync_after_insert = 1, fsync_part_directory = 1;

create table if not exists rollup_generations on cluster 'main' as rollup_generations_local
engine = Distributed('main', 'vitalscope', 'rollup_generations_local', sipHash64(app, hour));

create table if not exists baseline_rows_local on cluster 'main'
(
    id String,
    version UInt64,
    app LowCardinality(String),
    environment LowCardinality(String),
    route String,
    kind LowCardinality(String),
    vital LowCardinality(String),
    strategy LowCardinality(String),
    state LowCardinality(String),
    p50 Float64,
    p75 Float64,
    p95 Float64,
    mean Float64,
    stddev Float64,
    n UInt64,
    hours_used UInt32,
    hours_left_out UInt32,
    left_out_reasons Array(String),
    minimum_detectable_ratio Nullable(Float64),
    from_at DateTime('UTC'),
    to_at DateTime('UTC'),
    updated_at DateTime64(3, 'UTC')
)
engine = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/vitalscope/baseline_rows_local', '{replica}', version)
order by id
settings fsync_after_insert = 1, fsync_part_directory = 1;

create table if not exists baseline_rows on cluster 'main' as baseline_rows_local
engine = Distributed('main', 'vitalscope', 'baseline_rows_local', sipHash64(id));

create table if not exists finding_rows_local on cluster 'main'
(
    id String,
    version UInt64,
    app LowCardinality(String),
    environment LowCardinality(String),
    route String,
    kind LowCardinality(String),
    vital LowCardinality(String),
    stratum String,
    direction LowCardinality(String),
    state LowCardinality(String),
    severity LowCardinality(String),
    change_ratio Float64,
    change_low Float64,
    change_high Float64,
    p_value Float64,
    z Float64,
    confidence Float64,
    window_hours UInt32,
    baseline_p75 Float64,
    current_p75 Float64,
    baseline_n UInt64,
    current_n UInt64,
    change_point DateTime('UTC'),
    change_point_low DateTime('UTC'),
    change_point_high DateTime('UTC'),
    release String,
    opened_at DateTime('UTC'),
    confirmed_at Nullable(DateTime('UTC')),
    resolved_at Nullable(DateTime('UTC')),
    recommendation String,
    withdrawn Bool
)
engine = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/vitalscope/finding_rows_local', '{replica}', version)
order by id
settings fsync_after_insert = 1, fsync_part_directory = 1;

create table if not exists finding_rows on cluster 'main' as finding_rows_local
engine = Distributed('main', 'vitalscope', 'finding_rows_local', sipHash64(id));

create table if not exists decision_rows_local on cluster 'main'
(
    subject LowCardinality(String),
    id String,
    version UInt64,
    decision LowCardinality(String),
    note String,
    at DateTime64(3, 'UTC')
)
engine = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/vitalscope/decision_rows_local', '{replica}', version)
order by (subject, id)
settings fsync_after_insert = 1, fsync_part_directory = 1;

create table if not exists decision_rows on cluster 'main' as decision_rows_local
engine = Distributed('main', 'vitalscope', 'decision_rows_local', sipHash64(id));

create table if not exists deploy_rows_local on cluster 'main'
(
    app LowCardinality(String),
    environment LowCardinality(String),
    release String,
    at DateTime64(3, 'UTC'),
    source LowCardinality(String),
    version UInt64
)
engine = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/vitalscope/deploy_rows_local', '{replica}', version)
order by (app, environment, release, at)
settings fsync_after_insert = 1, fsync_part_directory = 1;

create table if not exists deploy_rows on cluster 'main' as deploy_rows_local
engine = Distributed('main', 'vitalscope', 'deploy_rows_local', sipHash64(app, environment, release, at));

create table if not exists alert_rows_local on cluster 'main'
(
    id String,
    version UInt64,
    rule LowCardinality(String),
    app LowCardinality(String),
    route String,
    vital LowCardinality(String),
    severity LowCardinality(String),
    state LowCardinality(String),
    finding_id String,
    opened_at DateTime64(3, 'UTC'),
    resolved_at Nullable(DateTime64(3, 'UTC')),
    last_sent_at Nullable(DateTime64(3, 'UTC'))
)
engine = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/vitalscope/alert_rows_local', '{replica}', version)
order by id
settings fsync_after_insert = 1, fsync_part_directory = 1;

create table if not exists alert_rows on cluster 'main' as alert_rows_local
engine = Distributed('main', 'vitalscope', 'alert_rows_local', sipHash64(id));

create table if not exists evaluation_rows_local on cluster 'main'
(
    at DateTime64(3, 'UTC'),
    from_hour DateTime('UTC'),
    to_hour DateTime('UTC'),
    series UInt64,
    series_days Float64,
    episodes UInt64,
    findings UInt64,
    duration_ms UInt64
)
engine = ReplicatedMergeTree('/clickhouse/tables/{shard}/vitalscope/evaluation_rows_local', '{replica}')
order by at
ttl toDateTime(at) + interval 13 month
settings fsync_after_insert = 1, fsync_part_directory = 1;

create table if not exists evaluation_rows on cluster 'main' as evaluation_rows_local
engine = Distributed('main', 'vitalscope', 'evaluation_rows_local', sipHash64(at));

create or replace view measurements_local on cluster 'main' as
select
    app, environment, release, route, path, view_id, session_id, navigation_type, vital, value, rating, started_at, received_at,
    device, browser, os, country, connection, attribution, engine, stratum, bucket
from measurement_rows_local final;

create or replace table measurements on cluster 'main' as measurements_local
engine = Distributed('main', 'vitalscope', 'measurements_local');

create or replace view operations_local on cluster 'main' as
select
    app, environment, release, route, name, duration_ms, success, error_type, memory_bytes, input_size, attributes, at,
    view_id, session_id, stratum, bucket
from operation_rows_local final;

create or replace table operations on cluster 'main' as operations_local
engine = Distributed('main', 'vitalscope', 'operations_local');

create or replace view rollups_local on cluster 'main' as
select app, environment, route, kind, vital, stratum, release, hour, n, sessions, buckets from rollup_hours_local final where n > 0
union all
select app, environment, route, kind, vital, stratum, release, hour, n, sessions, buckets from imported_hours_local final where n > 0;

create or replace table rollups on cluster 'main' as rollups_local
engine = Distributed('main', 'vitalscope', 'rollups_local');

create or replace view deploys_local on cluster 'main' as
select app, environment, release, at, source from deploy_rows_local final;

create or replace table deploys on cluster 'main' as deploys_local
engine = Distributed('main', 'vitalscope', 'deploys_local');

create or replace view alerts_local on cluster 'main' as
select id, rule, app, route, vital, severity, state, finding_id, opened_at, resolved_at, last_sent_at from alert_rows_local final;

create or replace table alerts on cluster 'main' as alerts_local
engine = Distributed('main', 'vitalscope', 'alerts_local');

create or replace view evaluations_local on cluster 'main' as
select at, from_hour, to_hour, series, series_days, episodes, findings, duration_ms from evaluation_rows_local;

create or replace table evaluations on cluster 'main' as evaluations_local
engine = Distributed('main', 'vitalscope', 'evaluations_local');

create table if not exists page_view_timing_rows_local on cluster 'main'
(
    app LowCardinality(String),
    view_id UUID codec(ZSTD(1)),
    start_ms UInt64 codec(Delta, ZSTD(1)),
    version UInt64 codec(ZSTD(1)),
    day Date,
    received_at DateTime64(3, 'UTC') codec(Delta, ZSTD(1)),
    timing Map(LowCardinality(String), Float64)
)
engine = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/vitalscope/page_view_timing_rows_local', '{replica}', version)
partition by day
order by (app, intDiv(start_ms, 3600000), view_id, start_ms)
settings replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800, fsync_after_insert = 1, fsync_part_directory = 1, ttl_only_drop_parts = 1;

create table if not exists page_view_timing_rows on cluster 'main' as page_view_timing_rows_local
engine = Distributed('main', 'vitalscope', 'page_view_timing_rows_local', sipHash64(app, view_id));

create table if not exists page_view_resource_rows_local on cluster 'main'
(
    app LowCardinality(String),
    view_id UUID codec(ZSTD(1)),
    start_ms UInt64 codec(Delta, ZSTD(1)),
    version UInt64 codec(ZSTD(1)),
    day Date,
    received_at DateTime64(3, 'UTC') codec(Delta, ZSTD(1)),
    resource_count UInt32 codec(T64, ZSTD(1)),
    resource_bytes Float64 codec(ZSTD(1)),
    resources String codec(ZSTD(1))
)
engine = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/vitalscope/page_view_resource_rows_local', '{replica}', version)
partition by day
order by (app, intDiv(start_ms, 3600000), view_id, start_ms)
settings replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800, fsync_after_insert = 1, fsync_part_directory = 1, ttl_only_drop_parts = 1;

create table if not exists page_view_resource_rows on cluster 'main' as page_view_resource_rows_local
engine = Distributed('main', 'vitalscope', 'page_view_resource_rows_local', sipHash64(app, view_id));

create or replace view page_views_local on cluster 'main' as
select
    v.app as app, v.environment as environment, v.release as release, v.route as route, v.path as path, v.view_id as view_id,
    v.session_id as session_id, v.navigation_type as navigation_type, v.started_at as started_at, v.received_at as received_at,
    v.device as device, v.browser as browser, v.os as os, v.country as country, v.connection as connection, v.engine as engine,
    v.stratum as stratum, v.referrer as referrer, v.custom as custom, v.sample_rate as sample_rate, v.interactions as interactions,
    v.interactions_seen as interactions_seen, v.entries_dropped as entries_dropped,
    v.seq + 1 as beacons,
    d.drops as drops, v.agent_main_ms as agent_main_ms, v.agent_bytes as agent_bytes,
    mapUpdate(d.timing, v.timing) as timing,
    if(mapContains(timing, 'dns_end_ms'), timing['dns_end_ms'] - timing['dns_start_ms'], null) as dns_ms,
    if(mapContains(timing, 'connect_end_ms'), timing['connect_end_ms'] - timing['connect_start_ms'], null) as connect_ms,
    if(mapContains(timing, 'tls_start_ms'), timing['connect_end_ms'] - timing['tls_start_ms'], null) as tls_ms,
    if(mapContains(timing, 'worker_start_ms'), timing['worker_start_ms'], null) as worker_ms,
    if(mapContains(timing, 'request_ms'), timing['request_ms'], null) as request_ms,
    if(mapContains(timing, 'interim_response_ms'), timing['interim_response_ms'], null) as interim_response_ms,
    if(mapContains(timing, 'final_response_ms'), timing['final_response_ms'], null) as final_response_ms,
    if(mapContains(timing, 'response_end_ms'), timing['response_end_ms'], null) as response_ms,
    if(mapContains(timing, 'dom_interactive_ms'), timing['dom_interactive_ms'], null) as dom_interactive_ms,
    if(mapContains(timing, 'dom_content_loaded_ms'), timing['dom_content_loaded_ms'], null) as dom_content_loaded_ms,
    if(mapContains(timing, 'load_ms'), timing['load_ms'], null) as load_ms,
    if(mapContains(timing, 'first_paint_ms'), timing['first_paint_ms'], null) as first_paint_ms,
    if(mapContains(timing, 'long_tasks'), timing['long_tasks'], null) as long_tasks,
    if(mapContains(timing, 'blocking_ms'), timing['blocking_ms'], null) as blocking_ms,
    cast(mapApply(
        (key, ms) -> (substring(key, 8, length(key) - 10), ms),
        mapFilter((key, ms) -> startsWith(key, 'server_') and endsWith(key, '_ms') and length(key) > 10, timing)
    ), 'Map(String, Float64)') as server_timing,
    if(empty(d.resources), null, toFloat64(d.resource_count)) as resource_count,
    if(empty(d.resources), null, d.resource_bytes) as resource_bytes,
    d.resources as resources
from
(
    select
        app, view_id, start_ms, sumMap(drops) as drops, anyIf(timing, notEmpty(timing)) as timing,
        max(resource_count) as resource_count, max(resource_bytes) as resource_bytes, max(resources) as resources
    from
    (
        select
            app, view_id, start_ms, drops, cast(map(), 'Map(LowCardinality(String), Float64)') as timing,
            toUInt32(0) as resource_count, toFloat64(0) as resource_bytes, '' as resources
        from page_view_drop_rows_local final
        union all
        select app, view_id, start_ms, cast(map(), 'Map(LowCardinality(String), UInt64)'), timing, 0, 0, ''
        from page_view_timing_rows_local final
        union all
        select
            app, view_id, start_ms, cast(map(), 'Map(LowCardinality(String), UInt64)'),
            cast(map(), 'Map(LowCardinality(String), Float64)'), resource_count, resource_bytes, resources
        from page_view_resource_rows_local final
    )
    group by app, view_id, start_ms
) as d
right join page_view_rows_local as v final on d.app = v.app and d.view_id = v.view_id and d.start_ms = v.start_ms;

create or replace table page_views on cluster 'main' as page_views_local
engine = Distributed('main', 'vitalscope', 'page_views_local');

create table if not exists rollup_dimension_hours_local on cluster 'main'
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
engine = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/vitalscope/rollup_dimension_hours_local', '{replica}', generation)
partition by toYYYYMM(hour)
order by (app, environment, kind, vital, dimension, route, hour, value)
settings fsync_after_insert = 1, fsync_part_directory = 1, ttl_only_drop_parts = 1;

create table if not exists rollup_dimension_hours on cluster 'main' as rollup_dimension_hours_local
engine = Distributed('main', 'vitalscope', 'rollup_dimension_hours_local', sipHash64(app, environment, kind, vital, dimension, route, hour, value));

create table if not exists rollup_attribution_hours_local on cluster 'main'
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
engine = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/vitalscope/rollup_attribution_hours_local', '{replica}', generation)
partition by toYYYYMM(hour)
order by (app, environment, kind, vital, fact, route, hour, name)
settings fsync_after_insert = 1, fsync_part_directory = 1, ttl_only_drop_parts = 1;

create table if not exists rollup_attribution_hours on cluster 'main' as rollup_attribution_hours_local
engine = Distributed('main', 'vitalscope', 'rollup_attribution_hours_local', sipHash64(app, environment, kind, vital, fact, route, hour, name));

create table if not exists rollup_detail_generations_local on cluster 'main'
(
    app LowCardinality(String),
    hour DateTime('UTC'),
    generation UInt64,
    seen_at DateTime64(3, 'UTC'),
    computed_at DateTime64(3, 'UTC')
)
engine = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/vitalscope/rollup_detail_generations_local', '{replica}', generation)
order by (app, hour)
settings fsync_after_insert = 1, fsync_part_directory = 1;

create table if not exists rollup_detail_generations on cluster 'main' as rollup_detail_generations_local
engine = Distributed('main', 'vitalscope', 'rollup_detail_generations_local', sipHash64(app, hour));

create or replace view rollups_by_dimension_local on cluster 'main' as
select app, environment, route, kind, vital, dimension, value, hour, n, buckets from rollup_dimension_hours_local final where n > 0;

create or replace table rollups_by_dimension on cluster 'main' as rollups_by_dimension_local
engine = Distributed('main', 'vitalscope', 'rollups_by_dimension_local');

create or replace view rollups_by_attribution_local on cluster 'main' as
select app, environment, route, kind, vital, fact, name, hour, n, sum_ms, buckets from rollup_attribution_hours_local final where n > 0;

create or replace table rollups_by_attribution on cluster 'main' as rollups_by_attribution_local
engine = Distributed('main', 'vitalscope', 'rollups_by_attribution_local');

alter table page_view_rows_local on cluster 'main' modify column app codec(ZSTD(1)),
    modify column start_ms codec(ZSTD(1)),
    modify column environment codec(ZSTD(1)),
    modify column release codec(ZSTD(1)),
    modify column route codec(ZSTD(1)),
    modify column path codec(ZSTD(3)),
    modify column session_id codec(ZSTD(3)),
    modify column navigation_type codec(ZSTD(1)),
    modify column started_at codec(ZSTD(3)),
    modify column received_at codec(ZSTD(1)),
    modify column device codec(ZSTD(1)),
    modify column browser codec(ZSTD(1)),
    modify column os codec(ZSTD(1)),
    modify column country codec(ZSTD(1)),
    modify column connection codec(ZSTD(1)),
    modify column engine codec(ZSTD(1)),
    modify column stratum codec(ZSTD(1)),
    modify column custom codec(ZSTD(1)),
    modify column timing codec(ZSTD(1)),
    modify column inserted_at codec(ZSTD(1));

create or replace table page_view_rows on cluster 'main' as page_view_rows_local
engine = Distributed('main', 'vitalscope', 'page_view_rows_local', sipHash64(app, view_id));

alter table measurement_rows_local on cluster 'main' modify column app codec(ZSTD(1)),
    modify column start_ms codec(ZSTD(1)),
    modify column vital codec(ZSTD(1)),
    modify column environment codec(ZSTD(1)),
    modify column release codec(ZSTD(1)),
    modify column route codec(ZSTD(1)),
    modify column path codec(ZSTD(3)),
    modify column session_id codec(ZSTD(3)),
    modify column navigation_type codec(ZSTD(1)),
    modify column value codec(ZSTD(3)),
    modify column rating codec(ZSTD(1)),
    modify column started_at codec(ZSTD(3)),
    modify column received_at codec(ZSTD(1)),
    modify column device codec(ZSTD(1)),
    modify column browser codec(ZSTD(1)),
    modify column os codec(ZSTD(1)),
    modify column country codec(ZSTD(1)),
    modify column connection codec(ZSTD(1)),
    modify column engine codec(ZSTD(1)),
    modify column stratum codec(ZSTD(1)),
    modify column inserted_at codec(ZSTD(1));

create or replace table measurement_rows on cluster 'main' as measurement_rows_local
engine = Distributed('main', 'vitalscope', 'measurement_rows_local', sipHash64(app, view_id));

alter table operation_rows_local on cluster 'main' modify column app codec(ZSTD(1)),
    modify column start_ms codec(ZSTD(1)),
    modify column environment codec(ZSTD(1)),
    modify column release codec(ZSTD(1)),
    modify column route codec(ZSTD(1)),
    modify column session_id codec(ZSTD(3)),
    modify column name codec(ZSTD(1)),
    modify column duration_ms codec(ZSTD(3)),
    modify column success codec(ZSTD(1)),
    modify column error_type codec(ZSTD(1)),
    modify column at codec(ZSTD(1)),
    modify column received_at codec(ZSTD(1)),
    modify column stratum codec(ZSTD(1)),
    modify column inserted_at codec(ZSTD(1));

create or replace table operation_rows on cluster 'main' as operation_rows_local
engine = Distributed('main', 'vitalscope', 'operation_rows_local', sipHash64(app, view_id));

alter table page_view_drop_rows_local on cluster 'main' modify column app codec(ZSTD(1)),
    modify column start_ms codec(ZSTD(1)),
    modify column received_at codec(ZSTD(1)),
    modify column drops codec(ZSTD(1));

create or replace table page_view_drop_rows on cluster 'main' as page_view_drop_rows_local
engine = Distributed('main', 'vitalscope', 'page_view_drop_rows_local', sipHash64(app, view_id));

alter table page_view_timing_rows_local on cluster 'main' modify column app codec(ZSTD(1)),
    modify column start_ms codec(ZSTD(1)),
    modify column received_at codec(ZSTD(1)),
    modify column timing codec(ZSTD(1));

create or replace table page_view_timing_rows on cluster 'main' as page_view_timing_rows_local
engine = Distributed('main', 'vitalscope', 'page_view_timing_rows_local', sipHash64(app, view_id));

alter table page_view_resource_rows_local on cluster 'main' modify column app codec(ZSTD(1)),
    modify column start_ms codec(ZSTD(1)),
    modify column received_at codec(ZSTD(1));

create or replace table page_view_resource_rows on cluster 'main' as page_view_resource_rows_local
engine = Distributed('main', 'vitalscope', 'page_view_resource_rows_local', sipHash64(app, view_id));

create table if not exists lease_rows_local on cluster 'main'
(
    role LowCardinality(String),
    holder String,
    version UInt64,
    since DateTime64(3, 'UTC'),
    valid_until DateTime64(3, 'UTC')
)
engine = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/vitalscope/lease_rows_local', '{replica}', version)
order by (role, holder)
ttl toDateTime(valid_until) + interval 1 day
settings fsync_after_insert = 1, fsync_part_directory = 1;

create table if not exists lease_rows on cluster 'main' as lease_rows_local
engine = Distributed('main', 'vitalscope', 'lease_rows_local', sipHash64(role, holder));

create table if not exists baseline_decision_rows_local on cluster 'main'
(
    id String,
    automatic Bool,
    at DateTime64(3, 'UTC'),
    version UInt64,
    app LowCardinality(String),
    environment LowCardinality(String),
    route String,
    kind LowCardinality(String),
    vital LowCardinality(String),
    decision LowCardinality(String),
    from_at DateTime('UTC'),
    to_at DateTime('UTC'),
    note String
)
engine = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/vitalscope/baseline_decision_rows_local', '{replica}', version)
order by (id, automatic, at)
settings fsync_after_insert = 1, fsync_part_directory = 1;

create table if not exists baseline_decision_rows on cluster 'main' as baseline_decision_rows_local
engine = Distributed('main', 'vitalscope', 'baseline_decision_rows_local', sipHash64(id));

alter table baseline_rows_local on cluster 'main' add column if not exists candidate Bool,
    add column if not exists withdrawn Bool;

create or replace table baseline_rows on cluster 'main' as baseline_rows_local
engine = Distributed('main', 'vitalscope', 'baseline_rows_local', sipHash64(id));

create or replace view baselines_local on cluster 'main' as
select
    b.id as id, b.app as app, b.environment as environment, b.route as route, b.kind as kind, b.vital as vital,
    b.strategy as strategy, if(d.decided_at > b.updated_at, d.decision, toString(b.state)) as state,
    b.p50 as p50, b.p75 as p75, b.p95 as p95, b.mean as mean, b.stddev as stddev, b.n as n, b.hours_used as hours_used,
    b.hours_left_out as hours_left_out, b.left_out_reasons as left_out_reasons, b.from_at as `from`, b.to_at as `to`,
    b.updated_at as updated_at, b.minimum_detectable_ratio as minimum_detectable_ratio, b.candidate as candidate
from baseline_rows_local as b final
left join
(
    select id, argMax(toString(decision), at) as decision, max(at) as decided_at
    from baseline_decision_rows_local final where not automatic group by id
) as d on d.id = b.id
where not b.withdrawn;

create or replace table baselines on cluster 'main' as baselines_local
engine = Distributed('main', 'vitalscope', 'baselines_local');

create table if not exists false_alarm_rows_local on cluster 'main'
(
    day Date,
    version UInt64,
    from_at DateTime('UTC'),
    to_at DateTime('UTC'),
    series UInt64,
    series_days Float64,
    alarms UInt64,
    looks_before Float64,
    looks Float64,
    duration_ms UInt64,
    measured_at DateTime64(3, 'UTC')
)
engine = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/vitalscope/false_alarm_rows_local', '{replica}', version)
order by day
settings fsync_after_insert = 1, fsync_part_directory = 1;

create table if not exists false_alarm_rows on cluster 'main' as false_alarm_rows_local
engine = Distributed('main', 'vitalscope', 'false_alarm_rows_local', sipHash64(day));

create or replace view false_alarms_local on cluster 'main' as
select day, from_at as `from`, to_at as `to`, series, series_days, alarms, looks_before, looks, duration_ms, measured_at
from false_alarm_rows_local final;

create or replace table false_alarms on cluster 'main' as false_alarms_local
engine = Distributed('main', 'vitalscope', 'false_alarms_local');

alter table finding_rows_local on cluster 'main' add column if not exists detail String;

create or replace table finding_rows on cluster 'main' as finding_rows_local
engine = Distributed('main', 'vitalscope', 'finding_rows_local', sipHash64(id));

create or replace view findings_local on cluster 'main' as
select
    f.id as id, f.app as app, f.environment as environment, f.route as route, f.kind as kind, f.vital as vital,
    f.stratum as stratum, f.direction as direction, if(d.decision = 'muted', 'muted', toString(f.state)) as state,
    f.severity as severity, f.change_ratio as change_ratio, f.change_low as change_low, f.change_high as change_high,
    f.p_value as p_value, f.z as z, f.confidence as confidence, f.window_hours as window_hours,
    f.baseline_p75 as baseline_p75, f.current_p75 as current_p75,
    f.baseline_n as baseline_n, f.current_n as current_n, f.change_point as change_point,
    f.change_point_low as change_point_low, f.change_point_high as change_point_high, f.release as release,
    f.opened_at as opened_at, f.confirmed_at as confirmed_at, f.resolved_at as resolved_at,
    f.recommendation as recommendation, f.detail as detail
from finding_rows_local as f final
left join (select id, toString(decision) as decision from decision_rows_local final where subject = 'finding') as d on d.id = f.id
where not f.withdrawn;

create or replace table findings on cluster 'main' as findings_local
engine = Distributed('main', 'vitalscope', 'findings_local');

create table if not exists drift_rows_local on cluster 'main'
(
    day Date,
    id String,
    version UInt64,
    app LowCardinality(String),
    environment LowCardinality(String),
    route String,
    kind LowCardinality(String),
    vital LowCardinality(String),
    direction LowCardinality(String),
    window_days UInt8,
    change_ratio Float64,
    change_low Float64,
    change_high Float64,
    p_value Float64,
    ratio_per_day Nullable(Float64),
    ratio_per_day_low Nullable(Float64),
    ratio_per_day_high Nullable(Float64),
    baseline_p75 Float64,
    current_p75 Float64,
    reference_from DateTime('UTC'),
    reference_to DateTime('UTC'),
    threshold Nullable(Float64),
    crosses_on Nullable(Date),
    crosses_earliest Nullable(Date),
    crosses_latest Nullable(Date)
)
engine = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/vitalscope/drift_rows_local', '{replica}', version)
order by (day, id)
ttl day + interval 13 month
settings fsync_after_insert = 1, fsync_part_directory = 1;

create table if not exists drift_rows on cluster 'main' as drift_rows_local
engine = Distributed('main', 'vitalscope', 'drift_rows_local', sipHash64(id));

create or replace view drifts_local on cluster 'main' as
select
    day, id, app, environment, route, kind, vital, direction, window_days, change_ratio, change_low, change_high, p_value,
    ratio_per_day, ratio_per_day_low, ratio_per_day_high, baseline_p75, current_p75, reference_from, reference_to,
    threshold, crosses_on, crosses_earliest, crosses_latest
from drift_rows_local final where id != '';

create or replace table drifts on cluster 'main' as drifts_local
engine = Distributed('main', 'vitalscope', 'drifts_local');

create table if not exists rollup_totals_local on cluster 'main'
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
engine = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/vitalscope/rollup_totals_local', '{replica}', generation)
partition by toYYYYMM(hour)
order by (app, environment, grain, kind, dimension, value, hour, vital, route)
settings fsync_after_insert = 1, fsync_part_directory = 1, ttl_only_drop_parts = 1;

create table if not exists rollup_totals on cluster 'main' as rollup_totals_local
engine = Distributed('main', 'vitalscope', 'rollup_totals_local', sipHash64(app, environment, grain, kind, dimension, value, hour, vital, route));

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

create or replace view scores_local on cluster 'main' as
select app, environment, route, hour, n, arraySum(arrayMap((points, count) -> points * count, mapKeys(buckets), mapValues(buckets))) / n as score, buckets
from rollup_totals_local final
where kind = 'score' and grain in ('app-hour', 'route-hour') and n > 0;

create or replace table scores on cluster 'main' as scores_local
engine = Distributed('main', 'vitalscope', 'scores_local');

create or replace view buckets_local on cluster 'main' as
select kind, vital, bucket, low, high
from
(
    select
        scheme.1 as kind, scheme.2 as vital, toUInt16(number) as bucket,
        if(number < 2, 0., scheme.3 * pow(1.08, toInt64(number) - 1)) as low,
        if(number = 0, 0., scheme.3 * pow(1.08, number)) as high
    from numbers(152)
    array join
        [
            ('vital', 'FCP', 1.), ('vital', 'LCP', 1.), ('vital', 'TTFB', 1.), ('vital', 'CLS', 0.0001), ('vital', 'MEMORY', 100000.),
            ('operation', '', 1.)
        ] as scheme
    union all
    select
        'vital', scheme, toUInt16(number),
        if(number = 0, 0., edges[number]), if(number = 0, 0., if(number = length(edges), edges[number] * 1.08, edges[number + 1]))
    from
    (
        select
            number,
            cast([
                0, 4, 12, 20, 28, 36, 44, 52, 60, 68, 76, 84, 92, 100, 108, 116, 124, 132, 140, 148, 156, 164, 172, 180, 188,
                196, 212, 228, 244, 260, 284, 308, 332, 356, 388, 420, 452, 492, 532, 572, 620, 668, 724, 780, 844, 908, 980,
                1060, 1148, 1236, 1332, 1436, 1548, 1668, 1804, 1948, 2100, 2268, 2452, 2652, 2868, 3100, 3348, 3612, 3900,
                4212, 4548, 4908, 5300, 5724, 6180, 6676, 7212, 7788, 8412, 9084, 9812, 10596, 11444, 12356, 13348, 14412,
                15564, 16812, 18156, 19612, 21180, 22876, 24708, 26684, 28820, 31124, 33612, 36300, 39204, 42340, 45724, 49380,
                53332, 57596, 62204, 67180, 72556, 78364, 84636, 91404, 98716, 106612
            ], 'Array(Float64)') as edges
        from numbers(109)
    )
    array join ['INP', 'FID'] as scheme
    union all
    select
        'vital', 'MEMORY_GROWTH', toUInt16(number),
        multiIf(number = 127, -10000., number > 127, 10000. * pow(1.08, toInt64(number) - 128), -10000. * pow(1.08, 127 - number)),
        multiIf(number = 127, 10000., number > 127, 10000. * pow(1.08, number - 127), -10000. * pow(1.08, 126 - toInt64(number)))
    from numbers(255)
);

create or replace view buckets on cluster 'main' as
select * from buckets_local;

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

alter table rollup_totals_local on cluster 'main' add column if not exists sessions UInt64 codec(T64, ZSTD(1));

create or replace table rollup_totals on cluster 'main' as rollup_totals_local
engine = Distributed('main', 'vitalscope', 'rollup_totals_local', sipHash64(app, environment, grain, kind, dimension, value, hour, vital, route));

insert into rollup_totals (app, environment, grain, kind, dimension, value, hour, vital, route, generation, n, sessions, buckets)
select
    app, environment, 'route-day', kind, 'stratum', concat(stratum, ' ', release), toStartOfDay(hour) as day, vital, route, 1, sum(n),
    sum(sessions), sumMap(buckets)
from rollup_hours final
where n > 0 and kind = 'vital' and route != '*'
group by app, environment, kind, stratum, release, day, vital, route
settings max_bytes_before_external_group_by = 2000000000;

create table if not exists packed_days_local on cluster 'main'
(
    app LowCardinality(String),
    day Date,
    environment LowCardinality(String),
    kind LowCardinality(String),
    vital LowCardinality(String),
    route LowCardinality(String),
    version UInt64,
    hours String codec(ZSTD(1))
)
engine = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/vitalscope/packed_days_local', '{replica}', version)
partition by toYYYYMM(day)
order by (app, day, environment, kind, vital, route)
ttl day + interval 100 day
settings ttl_only_drop_parts = 1;

create table if not exists packed_days on cluster 'main' as packed_days_local
engine = Distributed('main', 'vitalscope', 'packed_days_local', sipHash64(app, day, environment, kind, vital, route));

create table if not exists packed_day_marks_local on cluster 'main'
(
    app LowCardinality(String),
    day Date,
    version UInt64,
    generation UInt64
)
engine = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/vitalscope/packed_day_marks_local', '{replica}', version)
order by (app, day)
ttl day + interval 100 day;

create table if not exists packed_day_marks on cluster 'main' as packed_day_marks_local
engine = Distributed('main', 'vitalscope', 'packed_day_marks_local', sipHash64(app, day));

insert into rollup_totals (app, environment, grain, kind, dimension, value, hour, vital, route, generation, n, buckets)
select app, environment, 'route-quarter', kind, '', '', toStartOfInterval(hour, interval 6 hour) as quarter, vital, route, 1, sum(n), sumMap(buckets)
from rollup_totals final
where n > 0 and grain = 'route-hour'
group by app, environment, kind, quarter, vital, route
settings max_bytes_before_external_group_by = 2000000000;

alter table rollup_totals_local on cluster 'main' modify column buckets codec(T64, LZ4);

create or replace table rollup_totals on cluster 'main' as rollup_totals_local
engine = Distributed('main', 'vitalscope', 'rollup_totals_local', sipHash64(app, environment, grain, kind, dimension, value, hour, vital, route));

create table if not exists rollup_by_minute_local on cluster 'main'
(
    app LowCardinality(String),
    minute DateTime('UTC') codec(Delta, ZSTD(1)),
    kind LowCardinality(String),
    vital LowCardinality(String),
    environment LowCardinality(String),
    route LowCardinality(String),
    stratum LowCardinality(String),
    release LowCardinality(String),
    generation UInt64 codec(ZSTD(1)),
    n UInt64 codec(T64, ZSTD(1)),
    sessions UInt64 codec(T64, ZSTD(1)),
    buckets Map(UInt16, UInt64) codec(ZSTD(1))
)
engine = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/vitalscope/rollup_by_minute_local', '{replica}', generation)
partition by toStartOfInterval(minute, interval 6 hour)
order by (app, minute, kind, vital, environment, route, stratum, release)
ttl minute + interval 25 hour
settings ttl_only_drop_parts = 1;

create table if not exists rollup_by_minute on cluster 'main' as rollup_by_minute_local
engine = Distributed('main', 'vitalscope', 'rollup_by_minute_local', sipHash64(app, minute, kind, vital, environment, route, stratum, release));

insert into rollup_by_minute (app, minute, kind, vital, environment, route, stratum, release, generation, n, sessions, buckets)
select app, minute, kind, vital, environment, route, stratum, release, generation, n, sessions, buckets
from rollup_minutes final
where n > 0;

create or replace view rollups_minute_local on cluster 'main' as
select app, environment, route, kind, vital, stratum, release, minute, n, sessions, buckets from rollup_by_minute_local final where n > 0;

create or replace table rollups_minute on cluster 'main' as rollups_minute_local
engine = Distributed('main', 'vitalscope', 'rollups_minute_local');

create table if not exists page_view_start_rows_local on cluster 'main'
(
    app LowCardinality(String) codec(ZSTD(1)),
    view_id UUID codec(ZSTD(1)),
    start_ms UInt64 codec(ZSTD(1)),
    version UInt64 codec(ZSTD(1)),
    day Date,
    seq UInt32 codec(T64, ZSTD(1)),
    received_at DateTime64(3, 'UTC') codec(ZSTD(1)),
    started_at DateTime64(3, 'UTC') codec(ZSTD(1)),
    inserted_at DateTime64(3, 'UTC') default now64(3, 'UTC') codec(ZSTD(1)),
    index inserted_at_range inserted_at type minmax granularity 1
)
engine = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/vitalscope/page_view_start_rows_local', '{replica}', version)
partition by day
order by (app, intDiv(start_ms, 3600000), view_id, start_ms, seq, started_at)
settings replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800, fsync_after_insert = 1, fsync_part_directory = 1, ttl_only_drop_parts = 1;

create table if not exists page_view_start_rows on cluster 'main' as page_view_start_rows_local
engine = Distributed('main', 'vitalscope', 'page_view_start_rows_local', sipHash64(app, view_id));
