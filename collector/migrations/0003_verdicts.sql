-- What the detector says, what people decide about it, and what they are told. Small tables: the newest version of an id wins.

create table baseline_rows
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
engine = ReplacingMergeTree(version)
order by id
settings fsync_after_insert = 1, fsync_part_directory = 1;

create table finding_rows
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
    -- A finding that a later evaluation with more data no longer reports; it stays for the record and leaves the view.
    withdrawn Bool
)
engine = ReplacingMergeTree(version)
order by id
settings fsync_after_insert = 1, fsync_part_directory = 1;

-- Mute (of a finding), approve and reject (of a baseline), by id. The newest decision about an id counts.
create table decision_rows
(
    subject LowCardinality(String),
    id String,
    version UInt64,
    decision LowCardinality(String),
    note String,
    at DateTime64(3, 'UTC')
)
engine = ReplacingMergeTree(version)
order by (subject, id)
settings fsync_after_insert = 1, fsync_part_directory = 1;

create table deploy_rows
(
    app LowCardinality(String),
    environment LowCardinality(String),
    release String,
    at DateTime64(3, 'UTC'),
    source LowCardinality(String),
    version UInt64
)
engine = ReplacingMergeTree(version)
order by (app, environment, release, at)
settings fsync_after_insert = 1, fsync_part_directory = 1;

create table alert_rows
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
engine = ReplacingMergeTree(version)
order by id
settings fsync_after_insert = 1, fsync_part_directory = 1;

-- How each evaluation went; the newest is the data-health strip's "last evaluation".
create table evaluation_rows
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
engine = MergeTree
order by at
ttl toDateTime(at) + interval 13 month
settings fsync_after_insert = 1, fsync_part_directory = 1;
