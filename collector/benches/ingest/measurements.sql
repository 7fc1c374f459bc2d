-- Four vitals of each page view of `page_views.sql`.
insert into measurement_rows
(
    app, view_id, start_ms, version, day, environment, release, route, session_id, received_at, vital, path, navigation_type, value, bucket,
    rating, started_at, device, browser, os, country, connection, attribution, engine, stratum, inserted_at
)
select
    'shop', toUUID(concat('00000000-0000-4000-8000-', leftPad(lower(hex(number)), 12, '0'))) as view,
    toUInt64(toUnixTimestamp64Milli(now64(3)) - intDiv(2592000000 * number, {total})) as start, 1099511627775, toDate(start div 1000),
    'production', concat('1.', toString(number % 5)), concat('/route/', toString(cityHash64(number) % 200)), hex(cityHash64(number div 4)),
    fromUnixTimestamp64Milli(toInt64(start) + 3000), arrayJoin(['LCP', 'FCP', 'CLS', 'INP']) as vital,
    concat('/route/', toString(cityHash64(number) % 200)), 'navigate', (cityHash64(number, vital) % 40000) / 10, cityHash64(number, vital) % 400,
    'good', fromUnixTimestamp64Milli(toInt64(start)), ['mobile', 'desktop'][1 + number % 2], 'Chrome 156', 'Android 10',
    ['DE', 'FR', 'US'][1 + number % 3], '4g', if(vital = 'LCP', '{"element":"#hero","load_delay_ms":300,"render_delay_ms":99.2}', ''), 'wasm',
    'mobile/fast/network', fromUnixTimestamp64Milli(toInt64(start) + 5000)
from numbers({first}, {count})
settings max_partitions_per_insert_block = 0
