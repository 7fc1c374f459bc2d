-- What was decided about baselines, all of it: a rejected one falls back to the one approved before. `from_at` to `to_at` are the hours
-- that were judged. Decisions by rule (`automatic`) are made at midnights; one that an evaluation with more data no longer makes is
-- `withdrawn`. `id` is that of the row of `baselines` that was judged. What earlier versions kept did not steer anything and is not
-- taken over.

create table baseline_decision_rows
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
engine = ReplacingMergeTree(version)
order by (id, automatic, at)
settings fsync_after_insert = 1, fsync_part_directory = 1;

-- A candidate is not judged by: it waits to take the place of the baseline that is. When it has, or is gone, it is withdrawn.
alter table baseline_rows
    add column if not exists candidate Bool,
    add column if not exists withdrawn Bool;

-- A decision shows at once; the next evaluation acts on it, and says what is judged by from then on.
create view baselines as
select
    b.id as id, b.app as app, b.environment as environment, b.route as route, b.kind as kind, b.vital as vital,
    b.strategy as strategy, if(d.decided_at > b.updated_at, d.decision, toString(b.state)) as state,
    b.p50 as p50, b.p75 as p75, b.p95 as p95, b.mean as mean, b.stddev as stddev, b.n as n, b.hours_used as hours_used,
    b.hours_left_out as hours_left_out, b.left_out_reasons as left_out_reasons, b.from_at as `from`, b.to_at as `to`,
    b.updated_at as updated_at, b.minimum_detectable_ratio as minimum_detectable_ratio, b.candidate as candidate
from baseline_rows as b final
left join
(
    select id, argMax(toString(decision), at) as decision, max(at) as decided_at
    from baseline_decision_rows final where not automatic group by id
) as d on d.id = b.id
where not b.withdrawn;
