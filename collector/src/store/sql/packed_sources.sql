-- Of which apps and days there are rollups, and the newest generation of each. A generation is written down after its rows, so what is
-- packed under it has all of them. Parameters: first hour, hour after the last (both since 1970), twice.
select toString(app) as app_name, toUInt16(day) as day_number, max(newest_of_table) as newest
from
(
    select app, toDate(hour) as day, max(generation) as newest_of_table
    from rollup_generations
    -- Under no name it says what of all apps is complete.
    where app != '' and hour >= fromUnixTimestamp(? * 3600) and hour < fromUnixTimestamp(? * 3600)
    group by app, day
    union all
    select app, toDate(hour) as day, max(generation) as newest_of_table
    from imported_hours
    where hour >= fromUnixTimestamp(? * 3600) and hour < fromUnixTimestamp(? * 3600)
    group by app, day
)
group by app_name, day_number
order by app_name, day_number
