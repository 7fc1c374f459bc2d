-- Single page views with a vital, of one route or ('') of all, in the order that is asked for: `slowest`, `near` (to a value) or `newest`.
-- Only in those hours, and between those buckets, that the rollups have named.
with chosen as
(
    select
        view_id, started_at, path, route, release, device, browser, os, country, connection, navigation_type, value, rating, attribution
    from measurements
    where app = {app:String}
        and environment = {environment:String}
        and vital = {vital:String}
        and ({route:String} = '' or route = {route:String})
        and started_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
        and started_at < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
        and toStartOfHour(started_at) in {hours:Array(DateTime('UTC'))}
        and bucket between {low:UInt16} and {high:UInt16}
        and ({device:String} = '' or splitByChar('/', stratum)[1] = {device:String})
        and ({connection:String} = '' or splitByChar('/', stratum)[2] = {connection:String})
        and ({delivery:String} = '' or splitByChar('/', stratum)[3] = {delivery:String})
        and ({release:String} = '' or release = {release:String})
        and ({country:String} = '' or country = {country:String})
        and ({browser:String} = '' or browser = {browser:String})
        and ({os:String} = '' or os = {os:String})
        and ({navigation_type:String} = '' or navigation_type = {navigation_type:String})
)
select
    toString(view_id) as view_id,
    toUnixTimestamp64Milli(started_at) as started_at_ms,
    path,
    toString(route) as route,
    toString(release) as release,
    toString(device) as device,
    toString(browser) as browser,
    toString(os) as os,
    toString(country) as country,
    toString(connection) as connection,
    toString(navigation_type) as navigation_type,
    value,
    toString(rating) as rating,
    attribution
from chosen
order by
    multiIf({order:String} = 'slowest', -value, {order:String} = 'near', abs(value - {near:Float64}), 0),
    started_at desc,
    view_id
limit {limit:UInt32}
