-- How long a page view's loading took, and what it loaded. Agents send either only in beacons where it changed, and the row of the
-- page view itself is replaced as a whole by the next beacon; so each has a table of its own, with a row per page view that only a
-- beacon which says it again replaces. Before this, `timing` of `page_view_rows` held everything; rows from then are still read.

create table page_view_timing_rows
(
    app LowCardinality(String),
    view_id UUID codec(ZSTD(1)),
    start_ms UInt64 codec(Delta, ZSTD(1)),
    version UInt64 codec(ZSTD(1)),
    day Date,
    received_at DateTime64(3, 'UTC') codec(Delta, ZSTD(1)),
    -- Milestones in ms since the start of the page view, `server_<name>_ms` of the Server-Timing header.
    timing Map(LowCardinality(String), Float64)
)
engine = ReplacingMergeTree(version)
partition by day
order by (app, intDiv(start_ms, 3600000), view_id, start_ms)
settings non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1, ttl_only_drop_parts = 1;

create table page_view_resource_rows
(
    app LowCardinality(String),
    view_id UUID codec(ZSTD(1)),
    start_ms UInt64 codec(Delta, ZSTD(1)),
    version UInt64 codec(ZSTD(1)),
    day Date,
    received_at DateTime64(3, 'UTC') codec(Delta, ZSTD(1)),
    resource_count UInt32 codec(T64, ZSTD(1)),
    resource_bytes Float64 codec(ZSTD(1)),
    -- The whole summary as a JSON object.
    resources String codec(ZSTD(1))
)
engine = ReplacingMergeTree(version)
partition by day
order by (app, intDiv(start_ms, 3600000), view_id, start_ms)
settings non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1, ttl_only_drop_parts = 1;

-- The page views stand on the right of the one join, and what belongs to them is gathered on its left: so the server builds its hash
-- table of the page views that a query asks for, and lets it decide which rows of the other tables are worth reading. With a join
-- per table, or the other way round, an hour of page views costs reading all that were ever stored.
create view page_views as
select
    v.app as app, v.environment as environment, v.release as release, v.route as route, v.path as path, v.view_id as view_id,
    v.session_id as session_id, v.navigation_type as navigation_type, v.started_at as started_at, v.received_at as received_at,
    v.device as device, v.browser as browser, v.os as os, v.country as country, v.connection as connection, v.engine as engine,
    v.stratum as stratum, v.referrer as referrer, v.custom as custom, v.sample_rate as sample_rate, v.interactions as interactions,
    v.interactions_seen as interactions_seen, v.entries_dropped as entries_dropped,
    -- Sequence numbers count from 0, so this includes beacons that never arrived.
    v.seq + 1 as beacons,
    d.drops as drops, v.agent_main_ms as agent_main_ms, v.agent_bytes as agent_bytes,
    -- How busy the page was changes with every beacon and stands in the row itself.
    mapUpdate(d.timing, v.timing) as timing,
    -- Durations.
    if(mapContains(timing, 'dns_end_ms'), timing['dns_end_ms'] - timing['dns_start_ms'], null) as dns_ms,
    if(mapContains(timing, 'connect_end_ms'), timing['connect_end_ms'] - timing['connect_start_ms'], null) as connect_ms,
    if(mapContains(timing, 'tls_start_ms'), timing['connect_end_ms'] - timing['tls_start_ms'], null) as tls_ms,
    -- Milestones, since the start of the page view.
    if(mapContains(timing, 'worker_start_ms'), timing['worker_start_ms'], null) as worker_ms,
    if(mapContains(timing, 'request_ms'), timing['request_ms'], null) as request_ms,
    -- Where the server sends 103 Early Hints, the first byte is that of the interim answer.
    if(mapContains(timing, 'interim_response_ms'), timing['interim_response_ms'], null) as interim_response_ms,
    if(mapContains(timing, 'final_response_ms'), timing['final_response_ms'], null) as final_response_ms,
    if(mapContains(timing, 'response_end_ms'), timing['response_end_ms'], null) as response_ms,
    if(mapContains(timing, 'dom_interactive_ms'), timing['dom_interactive_ms'], null) as dom_interactive_ms,
    if(mapContains(timing, 'dom_content_loaded_ms'), timing['dom_content_loaded_ms'], null) as dom_content_loaded_ms,
    if(mapContains(timing, 'load_ms'), timing['load_ms'], null) as load_ms,
    if(mapContains(timing, 'first_paint_ms'), timing['first_paint_ms'], null) as first_paint_ms,
    if(mapContains(timing, 'long_tasks'), timing['long_tasks'], null) as long_tasks,
    if(mapContains(timing, 'blocking_ms'), timing['blocking_ms'], null) as blocking_ms,
    -- `server_<name>_ms`, by name.
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
        from page_view_drop_rows final
        union all
        select app, view_id, start_ms, cast(map(), 'Map(LowCardinality(String), UInt64)'), timing, 0, 0, ''
        from page_view_timing_rows final
        union all
        select
            app, view_id, start_ms, cast(map(), 'Map(LowCardinality(String), UInt64)'),
            cast(map(), 'Map(LowCardinality(String), Float64)'), resource_count, resource_bytes, resources
        from page_view_resource_rows final
    )
    group by app, view_id, start_ms
) as d
right join page_view_rows as v final on d.app = v.app and d.view_id = v.view_id and d.start_ms = v.start_ms;
