-- Each vital's histogram per step of time (UTC), of the whole app, of one vital or ('') of all, of those strata and releases ('' is any)
-- that are asked for. The value of a total by stratum is the stratum, a space, and the release.
select
    toString(vital) as vital,
    intDiv(toInt64(toUnixTimestamp(hour)), {step_s:Int64}) * {step_s:Int64} * 1000 as at_ms,
    sum(part_n) as n,
    sumMap(part_buckets) as buckets
from
(
    select
        vital, hour, substring(value, 1, position(value, ' ') - 1) as stratum, substring(value, position(value, ' ') + 1) as release,
        n as part_n, buckets as part_buckets
    from rollup_totals final
    where app = {app:String}
        and environment = {environment:String}
        and grain = {grain:String}
        and kind = 'vital'
        and dimension = 'stratum'
        and n > 0
        and hour >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
        and hour < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
    union all
    select vital, hour, toString(stratum) as stratum, toString(release) as release, n as part_n, buckets as part_buckets
    from imported_hours final
    where app = {app:String}
        and environment = {environment:String}
        and kind = 'vital'
        and route != '*'
        and n > 0
        and hour >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
        and hour < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
)
where ({vital:String} = '' or vital = {vital:String})
    and ({device:String} = '' or splitByChar('/', stratum)[1] = {device:String})
    and ({connection:String} = '' or splitByChar('/', stratum)[2] = {connection:String})
    and ({delivery:String} = '' or splitByChar('/', stratum)[3] = {delivery:String})
    and ({release:String} = '' or release = {release:String})
group by vital, at_ms
order by vital, at_ms
limit 50000
