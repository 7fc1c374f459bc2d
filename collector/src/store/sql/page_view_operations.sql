-- The operations of one page view in the order in which they began.
select
    toString(name) as name,
    toUnixTimestamp64Milli(at) as at_ms,
    duration_ms,
    success,
    toString(error_type) as error_type,
    memory_bytes,
    input_size,
    attributes
from operations
where app = {app:String}
    and view_id = {view_id:UUID}
    and at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
    and at < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
order by at, name
limit 200
