-- Whether an app, or a route of it ('' asks for the app alone), has ever been measured.
select toUInt8(count() > 0) as known
from (
    select 1
    from rollups
    where app = {app:String} and ({route:String} = '' or route = {route:String})
    limit 1
)
