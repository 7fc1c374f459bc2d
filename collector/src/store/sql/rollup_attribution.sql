-- Recomputes what the vitals of whole hours of one app were blamed on, from the newest rows of each page view. One pass over the rows:
-- per text that is to blame a histogram of the vital, per phase its number and sum. The texts of a route are put in order of
-- frequency, and what comes after the fiftieth is counted as `other`. Keys that an hour had and no longer has (a route that changed,
-- an element that fell out of the fifty) come from the last branch with n = 0.
-- The names are those of `wire::attribution`, which a test compares; whatever else strangers send is not looked at.
-- Parameters: generation, then app, first hour, last hour, hours for each of the two branches.
insert into rollup_attribution_hours (app, environment, kind, vital, fact, route, hour, name, generation, n, sum_ms, buckets)
select
    app, environment, kind, vital, fact, route, hour, name, ? as generation, sum(part_n) as n, sum(part_ms) as sum_ms,
    sumMap(part_buckets) as buckets
from
(
    select
        app, environment, 'vital' as kind, vital, fact, route, hour, if(place <= 50, full_name, 'other') as name, part_n, part_ms,
        part_buckets
    from
    (
        select
            app, environment, vital, fact, route, hour, counted.1 as full_name, sum(counted.2) as part_n, sum(counted.3) as part_ms,
            sumMap(buckets) as part_buckets,
            row_number() over (partition by app, environment, vital, fact, route, hour order by part_n desc, full_name) as place
        from
        (
            select
                app, environment, hour, vital, route as own_route,
                multiIf(
                    grouping(element) = 0, 'element', grouping(script) = 0, 'script', grouping(type) = 0, 'type',
                    grouping(load_state) = 0, 'load_state', 'phase'
                ) as fact,
                if(
                    fact = 'phase',
                    arrayZip(
                        [
                            'ttfb_ms', 'render_ms', 'load_delay_ms', 'load_ms', 'render_delay_ms', 'input_delay_ms', 'processing_ms',
                            'presentation_ms', 'script_ms', 'waiting_ms', 'cache_ms', 'dns_ms', 'connection_ms', 'request_ms'
                        ],
                        countForEach(phases),
                        arrayMap(ms -> ifNull(ms, 0.), sumForEach(phases))
                    ),
                    -- Those that a set does not group by are empty.
                    [(concat(element, script, type, load_state), count(), 0.)]
                ) as counts,
                if(fact = 'phase', cast(map(), 'Map(UInt16, UInt64)'), sumMap(map(bucket, toUInt64(1)))) as buckets
            from
            (
                select
                    app, environment, toStartOfHour(started_at) as hour, vital, route, bucket,
                    JSONExtract(
                        attribution,
                        'Tuple(element String, script String, type String, load_state String, ttfb_ms Nullable(Float64),
                            render_ms Nullable(Float64), load_delay_ms Nullable(Float64), load_ms Nullable(Float64),
                            render_delay_ms Nullable(Float64), input_delay_ms Nullable(Float64), processing_ms Nullable(Float64),
                            presentation_ms Nullable(Float64), script_ms Nullable(Float64), waiting_ms Nullable(Float64),
                            cache_ms Nullable(Float64), dns_ms Nullable(Float64), connection_ms Nullable(Float64),
                            request_ms Nullable(Float64))'
                    ) as facts,
                    leftUTF8(facts.element, 200) as element, leftUTF8(facts.script, 200) as script,
                    leftUTF8(facts.type, 200) as type, leftUTF8(facts.load_state, 200) as load_state,
                    -- As long as any duration may be; one that is longer is no phase of a vital.
                    arrayMap(
                        ms -> if(ms between 0 and 600000, ms, null),
                        [
                            facts.ttfb_ms, facts.render_ms, facts.load_delay_ms, facts.load_ms, facts.render_delay_ms,
                            facts.input_delay_ms, facts.processing_ms, facts.presentation_ms, facts.script_ms, facts.waiting_ms,
                            facts.cache_ms, facts.dns_ms, facts.connection_ms, facts.request_ms
                        ]
                    ) as phases
                from measurement_rows final
                where app = ? and started_at >= fromUnixTimestamp(?) and started_at < fromUnixTimestamp(? + 3600)
                    and toUnixTimestamp(toStartOfHour(started_at)) in ? and attribution != ''
            )
            group by grouping sets (
                (app, environment, hour, vital, route, element),
                (app, environment, hour, vital, route, script),
                (app, environment, hour, vital, route, type),
                (app, environment, hour, vital, route, load_state),
                (app, environment, hour, vital, route)
            )
        )
        array join counts as counted
        array join if(own_route = '*', ['*'], [toString(own_route), '*']) as route
        where counted.1 != '' and counted.2 > 0
        group by app, environment, vital, fact, route, hour, full_name
    )
    union all
    select
        app, environment, kind, vital, fact, route, hour, name, toUInt64(0) as part_n, toFloat64(0) as part_ms,
        cast(map(), 'Map(UInt16, UInt64)') as part_buckets
    from rollup_attribution_hours final
    where n > 0 and kind = 'vital' and app = ? and hour >= fromUnixTimestamp(?) and hour <= fromUnixTimestamp(?) and toUnixTimestamp(hour) in ?
)
group by app, environment, kind, vital, fact, route, hour, name
settings use_skip_indexes_if_final = 1, use_skip_indexes_if_final_exact_mode = 1
