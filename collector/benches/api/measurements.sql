-- {count} page views of the last {hours} hours with five vitals each, on {routes} routes of which the first are the busiest. Values and
-- their buckets are picked from lists, for buckets are not derived in SQL. Every part of a page view is a hash of its number, so
-- that the smaller of two sets looks like the larger one.
insert into measurement_rows
    (app, view_id, start_ms, vital, version, day, environment, release, route, path, session_id, navigation_type, value, bucket, rating,
    started_at, received_at, device, browser, os, country, connection, attribution, engine, stratum)
select
    'shop' as app,
    reinterpretAsUUID(unhex(hex(sipHash128(number)))) as view_id,
    toUInt64(toUnixTimestamp64Milli(started_at)) as start_ms,
    ['LCP', 'INP', 'CLS', 'FCP', 'TTFB'][place] as vital,
    1 as version,
    toDate(started_at) as day,
    'production' as environment,
    if(age_s < 3 * 86400, '2.0.0', '1.0.0') as release,
    concat('/section-', toString(route_number % 20), '/page-', toString(route_number), '/:id') as route,
    route as path,
    concat('s', toString(intDiv(number, 3))) as session_id,
    ['navigate', 'navigate', 'navigate', 'reload', 'back-forward'][1 + h2 % 5] as navigation_type,
    [{lcp:Array(Float64)}, {inp:Array(Float64)}, {cls:Array(Float64)}, {fcp:Array(Float64)}, {ttfb:Array(Float64)}][place][picked] as value,
    [{lcp_buckets:Array(UInt16)}, {inp_buckets:Array(UInt16)}, {cls_buckets:Array(UInt16)}, {fcp_buckets:Array(UInt16)}, {ttfb_buckets:Array(UInt16)}][place][picked]
        as bucket,
    'good' as rating,
    toDateTime64(now64(3, 'UTC') - toIntervalSecond(age_s), 3, 'UTC') as started_at,
    started_at + toIntervalSecond(20) as received_at,
    if(h3 % 5 < 3, 'mobile', 'desktop') as device,
    concat(['Chrome ', 'Safari ', 'Firefox ', 'Edge '][1 + h4 % 4], toString(150 + h4 % 3)) as browser,
    ['Android', 'iOS', 'Windows', 'macOS', 'Linux'][1 + h5 % 5] as os,
    ['DE', 'US', 'FR', 'GB', 'JP', 'BR', 'IN', 'PL'][1 + h6 % 8] as country,
    if(h7 % 4 = 0, '3g', '4g') as connection,
    if(place <= 2, concat('{"element":"#part-', toString(h8 % 12), '","ttfb_ms":', toString(100 + h8 % 400), '}'), '') as attribution,
    'wasm' as engine,
    concat(device, if(connection = '3g', '/slow', '/fast'), if(navigation_type = 'back-forward', '/restored', '/network')) as stratum
from
(
    select
        number,
        arrayJoin([1, 2, 3, 4, 5]) as place,
        toUInt32(sipHash64(number, 'age') % ({hours:UInt32} * 3600)) as age_s,
        toUInt32({routes:UInt32} * pow(sipHash64(number, 'route') % 1000003 / 1000003, 2)) as route_number,
        1 + sipHash64(number, place) % 256 as picked,
        sipHash64(number, 2) as h2, sipHash64(number, 3) as h3, sipHash64(number, 4) as h4, sipHash64(number, 5) as h5,
        sipHash64(number, 6) as h6, sipHash64(number, 7) as h7, sipHash64(number, 8) as h8
    from numbers({from:UInt64}, {count:UInt64})
)
