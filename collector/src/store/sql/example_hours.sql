-- Where to look for single page views: hours that have some of a vital, of one route or ('') of all, of one value of a dimension or of some
-- strata and releases; with each the histogram, and how many measurements the whole app has in it, which is what reading it costs.
select
    toInt64(toUnixTimestamp(hour)) as hour_s,
    any(cost) as row_count,
    sumMap(part_buckets) as buckets
from
(
    select hour, buckets as part_buckets
    from
    (
        select
            hour, substring(value, 1, position(value, ' ') - 1) as stratum, substring(value, position(value, ' ') + 1) as release, n,
            buckets
        from rollup_totals final
        where {dimension:String} = '' and {route:String} = ''
            and app = {app:String}
            and environment = {environment:String}
            and grain = 'app-hour'
            and kind = 'vital'
            and dimension = 'stratum'
            and vital = {vital:String}
            and hour >= toStartOfHour(fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC'))
            and hour < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
        union all
        select hour, toString(stratum) as stratum, toString(release) as release, n, buckets
        from rollup_hours final
        where {dimension:String} = '' and {route:String} != ''
            and app = {app:String}
            and environment = {environment:String}
            and kind = 'vital'
            and vital = {vital:String}
            and route = {route:String}
            and hour >= toStartOfHour(fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC'))
            and hour < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
    )
    where n > 0
        and ({device:String} = '' or splitByChar('/', stratum)[1] = {device:String})
        and ({connection:String} = '' or splitByChar('/', stratum)[2] = {connection:String})
        and ({delivery:String} = '' or splitByChar('/', stratum)[3] = {delivery:String})
        and ({release:String} = '' or release = {release:String})
    union all
    select hour, buckets as part_buckets
    from rollup_dimension_hours final
    where {dimension:String} != ''
        and app = {app:String}
        and environment = {environment:String}
        and kind = 'vital'
        and vital = {vital:String}
        and dimension = {dimension:String}
        and route = if({route:String} = '', '*', {route:String})
        and value = {value:String}
        and n > 0
        and hour >= toStartOfHour(fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC'))
        and hour < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
) as own
left join
(
    select hour, sum(n) as cost
    from rollup_totals final
    where app = {app:String}
        and grain = 'app-hour'
        and kind = 'vital'
        and dimension = ''
        and n > 0
        and hour >= toStartOfHour(fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC'))
        and hour < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
    group by hour
) as whole using hour
group by hour
order by hour desc
limit 1000
