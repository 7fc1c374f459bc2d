-- The rollups of {hours} hours from {first_hour} (since 1970) on, of one app with {routes} routes and five vitals: the first route has 1,500
-- page views in an hour of the day's middle, the second half as many, the third a third. Shapes are picked from `bench_shapes`,
-- which has some for each power of two of page views. On the busiest routes everything is a fifth slower since {slower_since}.
insert into rollup_hours
    (app, kind, vital, environment, route, hour, stratum, release, generation, n, sessions, buckets)
select
    {app:String}, 'vital', vital, 'production', concat('/page-', toString(route_number), '/:id'), fromUnixTimestamp(hour_number * 3600),
    stratum, concat('release-', toString(intDiv(hour_number, 96))), 1, n, n,
    if(route_number = 2 and vital = 'LCP' and hour_number >= {slower_since:Int64}, mapApply((bucket, count) -> (toUInt16(bucket + 2), count), shape), shape)
from
(
    select
        route_number, vital, hour_number, stratum,
        1500 * busy * share / (1 + route_number) as views,
        toUInt8(if(views < 1, views * 1000 > chance % 1000, 1 + floor(log2(views)))) as size,
        toUInt8(intDiv(chance, 1000) % 64) as variant
    from
    (
        select
            route_number, vital, {first_hour:Int64} + hour as hour_number, strata.1 as stratum, strata.2 as share,
            0.55 + 0.45 * sin((hour_number % 24 - 9) / 24 * 2 * pi()) as busy,
            sipHash64({app:String}, route_number, vital, hour_number, stratum) as chance
        from
        (
            select
                intDiv(number, 5 * {hours:UInt32}) as route_number, ['FCP', 'INP', 'LCP', 'TTFB', 'CLS'][1 + intDiv(number, {hours:UInt32}) % 5] as vital,
                number % {hours:UInt32} as hour
            from numbers({routes:UInt64} * 5 * {hours:UInt32})
        )
        array join
            [
                ('desktop/fast/network', 0.3), ('desktop/slow/network', 0.05), ('mobile/fast/network', 0.4), ('mobile/slow/network', 0.15),
                ('mobile/fast/restored', 0.1)
            ] as strata
    )
) as hours
inner join bench_shapes using (size, variant)
