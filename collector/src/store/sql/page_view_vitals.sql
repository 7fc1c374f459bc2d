-- The vitals of one page view and what is to blame for them.
select
    toString(vital) as vital,
    value,
    toString(rating) as rating,
    attribution
from measurements
where app = {app:String}
    and view_id = {view_id:UUID}
    and started_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
    and started_at < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
order by vital
limit 100
