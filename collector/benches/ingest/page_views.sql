-- Page views that are stored already: {count} from number {first} on, of {total} spread over thirty days.
insert into page_view_rows
(
    app, view_id, start_ms, version, day, environment, release, route, session_id, received_at, seq, path, navigation_type, started_at,
    device, browser, os, country, connection, engine, stratum, referrer, sample_rate, interactions, interactions_seen, agent_main_ms, agent_bytes
)
select
    'shop', toUUID(concat('00000000-0000-4000-8000-', leftPad(lower(hex(number)), 12, '0'))) as view,
    toUInt64(toUnixTimestamp64Milli(now64(3)) - intDiv(2592000000 * number, {total})) as start, 1099511627775, toDate(start div 1000),
    'production', concat('1.', toString(number % 5)), concat('/route/', toString(cityHash64(number) % 200)), hex(cityHash64(number div 4)),
    fromUnixTimestamp64Milli(toInt64(start) + 3000), 2, concat('/route/', toString(cityHash64(number) % 200)), 'navigate',
    fromUnixTimestamp64Milli(toInt64(start)), ['mobile', 'desktop'][1 + number % 2], 'Chrome 156', 'Android 10',
    ['DE', 'FR', 'US'][1 + number % 3], '4g', 'wasm', 'mobile/fast/network', 'example.org', 1, 2, 2, 4.5, 1400
from numbers({first}, {count})
settings max_partitions_per_insert_block = 0
