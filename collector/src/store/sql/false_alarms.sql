-- The newest measurement of the false-alarm rate.
select
    toInt64(toUnixTimestamp(toDateTime(day, 'UTC'))) div 86400 as day_number,
    toInt64(toUnixTimestamp(`from`)) * 1000 as from_ms,
    toInt64(toUnixTimestamp(`to`)) * 1000 as to_ms,
    series, series_days, alarms, looks_before, looks, duration_ms,
    toInt64(toUnixTimestamp64Milli(measured_at)) as measured_at_ms
from false_alarms
order by day desc
limit 1
