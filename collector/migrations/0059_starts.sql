-- Where a beacon put the start of its page view, when that is not where the page's own clock puts it: one row per beacon of such a
-- page view. A later beacon may put it elsewhere (the clock of the page, or of the collector, was set meanwhile; a beacon that could
-- not say when it was sent), and its rows replace those of the earlier one. Then this is what tells which hours and minutes they
-- have left, and rollups recompute those too.

create table page_view_start_rows
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
engine = ReplacingMergeTree(version)
partition by day
order by (app, intDiv(start_ms, 3600000), view_id, start_ms, seq, started_at)
settings non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1, ttl_only_drop_parts = 1;
