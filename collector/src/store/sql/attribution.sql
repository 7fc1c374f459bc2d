-- What a vital of a route was blamed on before and after a moment: the mean of each phase, and the elements with their mean value.
-- It reads single page views, the 20,000 newest of each side, so its cost is bounded whatever the traffic.
select
    toUInt8(after) as after,
    fact.1 as kind,
    fact.2 as name,
    count() as n,
    avg(fact.3) as mean
from (
    select
        after,
        arrayJoin(arrayConcat(
            arrayMap(
                phase -> ('phase', phase.1, phase.2),
                -- Keys that end in at_ms are moments, not durations.
                arrayFilter(
                    phase -> endsWith(phase.1, '_ms') and not endsWith(phase.1, 'at_ms'),
                    JSONExtractKeysAndValues(attribution, 'Float64')
                )
            ),
            [('element', JSONExtractString(attribution, 'element'), value)]
        )) as fact
    from (
        select started_at >= fromUnixTimestamp64Milli({change_ms:Int64}, 'UTC') as after, attribution, value
        from measurements
        where app = {app:String}
            and environment = {environment:String}
            and route = {route:String}
            and vital = {vital:String}
            and started_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
            and started_at < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
        order by started_at desc
        limit 20000 by after
    )
)
where name != ''
group by after, kind, name
order by after, kind, n desc, name
limit 10 by after, kind
