-- Whether an app, or a route of it ('' asks for the app alone), has ever been measured. Without `final`: a key that is zero now was
-- measured once.
select toUInt8(count() > 0) as known
from
(
    select 1
    from rollup_totals
    where app = {app:String} and n > 0
        and if({route:String} = '', grain = 'app-day', grain = 'route-day' and dimension = '' and route = {route:String})
    limit 1
    union all
    select 1
    from imported_hours
    where app = {app:String} and ({route:String} = '' or route = {route:String})
    limit 1
)
