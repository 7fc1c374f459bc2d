-- How long the newest 20,000 calls of one operation took, by the size of what they were given, in steps of a doubling.
select
    min(input_size) as input_low,
    max(input_size) as input_high,
    count() as n,
    quantileExact(0.5)(duration_ms) as p50,
    quantileExact(0.75)(duration_ms) as p75
from
(
    select duration_ms, assumeNotNull(input_size) as input_size
    from operations
    where app = {app:String}
        and environment = {environment:String}
        and name = {name:String}
        and ({route:String} = '' or route = {route:String})
        and at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
        and at < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
        and operations.input_size is not null
    order by at desc
    limit 20000
)
group by if(input_size < 1, -1, floor(log2(input_size)))
order by input_low
limit 64
