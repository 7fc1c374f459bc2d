-- Minutes of rollups in the order of time. Everybody who reads them wants the newest of one app: the live page the last thirty, the recomputation
-- those that changed. In the order of series (`rollup_minutes`) each of them looked through all minutes of six hours.
--
-- The old table is left to collectors that still run while this one starts; its rows end with their day.

create table rollup_by_minute
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
engine = ReplacingMergeTree(generation)
partition by toStartOfInterval(minute, interval 6 hour)
order by (app, minute, kind, vital, environment, route, stratum, release)
ttl minute + interval 25 hour
settings ttl_only_drop_parts = 1;

-- Those from before, as old as they are: what is recomputed meanwhile is newer and stays.
insert into rollup_by_minute (app, minute, kind, vital, environment, route, stratum, release, generation, n, sessions, buckets)
select app, minute, kind, vital, environment, route, stratum, release, generation, n, sessions, buckets
from rollup_minutes final
where n > 0;

create view rollups_minute as
select app, environment, route, kind, vital, stratum, release, minute, n, sessions, buckets from rollup_by_minute final where n > 0;
