-- Slow drifts, as each day's first evaluation lists them. A day without one has its mark alone (`id` is empty), so that it is known to
-- have been looked at. Dates are UTC days.

create table drift_rows
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
engine = ReplacingMergeTree(version)
order by (day, id)
ttl day + interval 13 month
settings fsync_after_insert = 1, fsync_part_directory = 1;

create view drifts as
select
    day, id, app, environment, route, kind, vital, direction, window_days, change_ratio, change_low, change_high, p_value,
    ratio_per_day, ratio_per_day_low, ratio_per_day_high, baseline_p75, current_p75, reference_from, reference_to,
    threshold, crosses_on, crosses_earliest, crosses_latest
from drift_rows final where id != '';
