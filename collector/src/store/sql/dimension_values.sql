-- What can be filtered by: the values of each dimension in a range, the most frequent first, and the newest releases. One vital's
-- count stands for page views, the largest one. Releases come from the deploys, which know those of imported histories as well;
-- they are in order of time and not counted.
select dimension, value, n
from (
    select dimension, value, max(vital_count) as n
    from (
        select toString(dimension) as dimension, toString(value) as value, vital, sum(n) as vital_count
        from rollups_by_dimension
        where app = {app:String}
            and environment = {environment:String}
            and kind = 'vital'
            and route = '*'
            and dimension in ('browser', 'country', 'os', 'navigation_type')
            and hour >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
            and hour < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
        group by dimension, value, vital
    )
    where value not in ('', 'other')
    group by dimension, value
    order by dimension, n desc, value
    limit 50 by dimension
    union all
    select 'release' as dimension, toString(release) as value, toUInt64(0) as n
    from deploys
    where app = {app:String} and environment = {environment:String} and release != ''
    group by release
    order by max(`at`) desc, value
    limit 50
)
