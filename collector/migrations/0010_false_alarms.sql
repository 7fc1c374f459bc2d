-- The false-alarm rate as measured each night on the days that are normal by definition, and what it made of the price of a look. The
-- newest day is what holds; all are kept, few as they are, to see how it came about.

create table false_alarm_rows
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
engine = ReplacingMergeTree(version)
order by day
settings fsync_after_insert = 1, fsync_part_directory = 1;

create view false_alarms as
select day, from_at as `from`, to_at as `to`, series, series_days, alarms, looks_before, looks, duration_ms, measured_at
from false_alarm_rows final;
