-- How far behind the stored data is: ends of the newest hour and minute with page views, and the last evaluation's time. 0: none yet.
select
    greatest(
        assumeNotNull((select ifNull(toInt64(toUnixTimestamp(max(hour))), 0) * 1000 from rollup_totals where grain = 'app-hour' and n > 0 and hour >= now() - toIntervalDay(14))),
        assumeNotNull((select ifNull(toInt64(toUnixTimestamp(max(hour))), 0) * 1000 from imported_hours where n > 0 and hour >= now() - toIntervalDay(14)))
    ) as last_hour_at_ms,
    assumeNotNull((select ifNull(toInt64(toUnixTimestamp(max(minute))), 0) * 1000 from rollup_by_minute where n > 0)) as last_minute_at_ms,
    assumeNotNull((select ifNull(toInt64(toUnixTimestamp(max(`at`))), 0) * 1000 from evaluations)) as last_evaluation_at_ms,
    version() as clickhouse_version
