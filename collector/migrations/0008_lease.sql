-- Which collector does what only one should do. Each upserts a row of its own, so nobody overwrites another's; the oldest claim that
-- has not run out leads. All times are the server's. A collector that has ended leaves a row behind, which goes after a day.

create table lease_rows
(
    role LowCardinality(String),
    holder String,
    version UInt64,
    since DateTime64(3, 'UTC'),
    valid_until DateTime64(3, 'UTC')
)
engine = ReplacingMergeTree(version)
order by (role, holder)
ttl toDateTime(valid_until) + interval 1 day
settings fsync_after_insert = 1, fsync_part_directory = 1;
