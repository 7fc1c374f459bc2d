-- Closed days of rollups as the detector wants them: of each series one row a day, in which all its hours, strata, releases and buckets
-- are packed (`store/packed.rs`). An evaluation reads 31 days of every series each hour; as rows of hours that is a hundred times as
-- many rows. Nothing is lost with them: a day that is missing, or older than its rollups, is packed again.

create table packed_days
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
engine = ReplacingMergeTree(version)
partition by toYYYYMM(day)
order by (app, day, environment, kind, vital, route)
ttl day + interval 100 day
settings ttl_only_drop_parts = 1;

-- Which days are packed: rows of another version are left over. `generation` is the newest that the rollups of the day had.
create table packed_day_marks
(
    app LowCardinality(String),
    day Date,
    version UInt64,
    generation UInt64
)
engine = ReplacingMergeTree(version)
order by (app, day)
ttl day + interval 100 day;
