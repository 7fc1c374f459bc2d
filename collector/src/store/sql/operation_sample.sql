-- What the newest 20,000 calls of one operation say of memory and of the size of what they were given. Correlation is Spearman's.
select
    count() as n,
    toUnixTimestamp64Milli(min(at)) as from_ms,
    countIf(memory_bytes is not null) as memory_n,
    ifNull(quantileExactIf(0.5)(ifNull(memory_bytes, 0), memory_bytes is not null), 0) as memory_p50,
    ifNull(quantileExactIf(0.75)(ifNull(memory_bytes, 0), memory_bytes is not null), 0) as memory_p75,
    ifNull(quantileExactIf(0.95)(ifNull(memory_bytes, 0), memory_bytes is not null), 0) as memory_p95,
    countIf(input_size is not null) as input_n,
    if(input_n < 3, nan, rankCorrIf(ifNull(input_size, 0), duration_ms, input_size is not null)) as input_correlation
from
(
    select at, duration_ms, memory_bytes, input_size
    from operations
    where app = {app:String}
        and environment = {environment:String}
        and name = {name:String}
        and ({route:String} = '' or route = {route:String})
        and at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
        and at < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
    order by at desc
    limit 20000
)
