-- The oldest claim that has not run out, and the server's time. One that lasts longer than any is made for was made under another clock.
-- Parameters: validity (ms), role.
select
    toInt64(toUnixTimestamp64Milli(now64(3))) as now_ms,
    argMin(holder, (since, holder)) as leader,
    toInt64(toUnixTimestamp64Milli(min(since))) as since_ms
from lease_rows final
where valid_until > now64(3) and valid_until <= now64(3) + toIntervalMillisecond(?) and role = ?
