-- Apps and environments with data since {from_ms}, the busiest first. One vital's count stands for page views: the largest,
-- because every page view has it in some browser and no page view has it twice.
select
    app,
    environment,
    max(vital_count) as page_view_count,
    max(last_hour_ms) as last_hour_at_ms
from
(
    select
        toString(app) as app,
        toString(environment) as environment,
        vital,
        sum(part_n) as vital_count,
        max(toInt64(toUnixTimestamp(hour)) * 1000) as last_hour_ms
    from
    (
        select app, environment, vital, hour, n as part_n
        from rollup_totals final
        where grain = 'app-hour' and kind = 'vital' and dimension = '' and n > 0 and hour >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
        union all
        select app, environment, vital, hour, n as part_n
        from imported_hours final
        where kind = 'vital' and route != '*' and n > 0 and hour >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
    )
    group by app, environment, vital
)
group by app, environment
order by page_view_count desc, app, environment
limit 200
