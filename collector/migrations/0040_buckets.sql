-- Which values a bucket of the rollups holds, so that anyone can read a percentile from them in SQL. `low` and `high` are in the unit of
-- the vital; a percentile is interpolated between them. Buckets are those of `detect::histogram`, and indices are stored, so this can never
-- change; a test compares every edge with it. The overflow bucket has no end and is drawn 8 % wide, like any other.

create view buckets as
select kind, vital, bucket, low, high
from
(
    -- Steps of 8 % from an origin. Bucket 0 holds exact zeros, and bucket 1 everything between zero and its end.
    select
        scheme.1 as kind, scheme.2 as vital, toUInt16(number) as bucket,
        if(number < 2, 0., scheme.3 * pow(1.08, toInt64(number) - 1)) as low,
        if(number = 0, 0., scheme.3 * pow(1.08, number)) as high
    from numbers(152)
    array join
        [
            ('vital', 'FCP', 1.), ('vital', 'LCP', 1.), ('vital', 'TTFB', 1.), ('vital', 'CLS', 0.0001), ('vital', 'MEMORY', 100000.),
            -- Operations have one scheme, whatever their name.
            ('operation', '', 1.)
        ] as scheme
    union all
    -- Browsers round these to 8 ms; an edge lies between two such values.
    select
        'vital', scheme, toUInt16(number),
        if(number = 0, 0., edges[number]), if(number = 0, 0., if(number = length(edges), edges[number] * 1.08, edges[number + 1]))
    from
    (
        select
            number,
            cast([
                0, 4, 12, 20, 28, 36, 44, 52, 60, 68, 76, 84, 92, 100, 108, 116, 124, 132, 140, 148, 156, 164, 172, 180, 188,
                196, 212, 228, 244, 260, 284, 308, 332, 356, 388, 420, 452, 492, 532, 572, 620, 668, 724, 780, 844, 908, 980,
                1060, 1148, 1236, 1332, 1436, 1548, 1668, 1804, 1948, 2100, 2268, 2452, 2652, 2868, 3100, 3348, 3612, 3900,
                4212, 4548, 4908, 5300, 5724, 6180, 6676, 7212, 7788, 8412, 9084, 9812, 10596, 11444, 12356, 13348, 14412,
                15564, 16812, 18156, 19612, 21180, 22876, 24708, 26684, 28820, 31124, 33612, 36300, 39204, 42340, 45724, 49380,
                53332, 57596, 62204, 67180, 72556, 78364, 84636, 91404, 98716, 106612
            ], 'Array(Float64)') as edges
        from numbers(109)
    )
    array join ['INP', 'FID'] as scheme
    union all
    -- Growth has a sign: bucket 127 holds what is near zero, and steps of 8 % go both ways.
    select
        'vital', 'MEMORY_GROWTH', toUInt16(number),
        multiIf(number = 127, -10000., number > 127, 10000. * pow(1.08, toInt64(number) - 128), -10000. * pow(1.08, 127 - number)),
        multiIf(number = 127, 10000., number > 127, 10000. * pow(1.08, number - 127), -10000. * pow(1.08, 126 - toInt64(number)))
    from numbers(255)
);
