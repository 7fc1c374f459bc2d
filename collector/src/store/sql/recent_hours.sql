-- What is written down about the rollups of each hour, as one number: it changes whenever somebody has computed or imported the hour. It may
-- change without that, when the server merges. Parameters: first hour, hour after the last (both since 1970), twice.
select toString(app) as app_name, toInt64(toUnixTimestamp(hour)) div 3600 as hour_number, sum(intHash64(generation)) as mark
from
(
    select app, hour, generation
    from rollup_generations
    -- Under no name it says what of all apps is complete.
    where app != '' and hour >= fromUnixTimestamp(? * 3600) and hour < fromUnixTimestamp(? * 3600)
    union all
    select app, hour, generation
    from imported_hours
    where hour >= fromUnixTimestamp(? * 3600) and hour < fromUnixTimestamp(? * 3600)
)
group by app_name, hour_number
order by app_name, hour_number
