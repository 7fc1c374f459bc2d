-- Single calls of one operation in order of their duration: a sign of 1 gives the fastest, -1 the slowest.
select
    toUnixTimestamp64Milli(at) as at_ms,
    toString(view_id) as view_id,
    toString(route) as route,
    toString(release) as release,
    duration_ms,
    success,
    toString(error_type) as error_type,
    memory_bytes,
    input_size,
    attributes
from operations
where app = {app:String}
    and environment = {environment:String}
    and name = {name:String}
    and ({route:String} = '' or route = {route:String})
    and at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
    and at < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
order by duration_ms * {sign:Int8}, at desc
limit 20
