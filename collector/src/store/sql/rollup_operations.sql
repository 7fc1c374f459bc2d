-- Recomputes how the operations of whole hours of one app ended: per operation and error type the calls that failed, per word about a cache
-- the calls that said it, each with the histogram of their durations. Error types of an operation are put in order of frequency, and what
-- comes after the fiftieth is counted as `other`. Keys that an hour had and no longer has come from the last branch with n = 0.
-- Parameters: generation, then app, first hour, last hour, hours for each of the two branches.
insert into rollup_attribution_hours (app, environment, kind, vital, fact, route, hour, name, generation, n, sum_ms, buckets)
select
    app, environment, kind, vital, fact, route, hour, name, ? as generation, sum(part_n) as n, sum(part_ms) as sum_ms,
    sumMap(part_buckets) as buckets
from
(
    select
        app, environment, 'operation' as kind, vital, fact, route, hour, if(place <= 50, full_name, 'other') as name, part_n, part_ms,
        part_buckets
    from
    (
        select
            app, environment, vital, hour, route, said.1 as fact, said.2 as full_name, count() as part_n, sum(duration_ms) as part_ms,
            sumMap(map(bucket, toUInt64(1))) as part_buckets,
            row_number() over (partition by app, environment, vital, fact, route, hour order by part_n desc, full_name) as place
        from
        (
            select
                app, environment, toString(name) as vital, toStartOfHour(at) as hour, toString(route) as route, duration_ms, bucket,
                success, leftUTF8(toString(error_type), 200) as error,
                JSONExtract(
                    attributes,
                    'Tuple(cache Nullable(String), cached Nullable(Bool), cache_hit Nullable(Bool))'
                ) as told,
                -- A word (`hit`, `miss`, `stale` …) or a yes or no.
                coalesce(told.cached, told.cache_hit) as is_hit,
                coalesce(
                    nullIf(lowerUTF8(leftUTF8(told.cache, 200)), ''), multiIf(is_hit = true, 'hit', is_hit = false, 'miss', '')
                ) as cache
            from operation_rows final
            where app = ? and at >= fromUnixTimestamp(?) and at < fromUnixTimestamp(? + 3600)
                and toUnixTimestamp(toStartOfHour(at)) in ?
        )
        array join
            arrayFilter(
                pair -> pair.2 != '',
                [('error_type', if(success, '', if(error = '', 'unnamed', error))), ('cache', cache)]
            ) as said
        group by app, environment, vital, hour, route, fact, full_name
    )
    union all
    select
        app, environment, kind, vital, fact, route, hour, name, toUInt64(0) as part_n, toFloat64(0) as part_ms,
        cast(map(), 'Map(UInt16, UInt64)') as part_buckets
    from rollup_attribution_hours final
    where n > 0 and kind = 'operation'
        and app = ? and hour >= fromUnixTimestamp(?) and hour <= fromUnixTimestamp(?) and toUnixTimestamp(hour) in ?
)
group by app, environment, kind, vital, fact, route, hour, name
settings use_skip_indexes_if_final = 1, use_skip_indexes_if_final_exact_mode = 1
