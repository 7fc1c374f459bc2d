-- The version of what is kept now: the server's time, and above every version there is. So the last to write wins, whatever anybody's
-- clock says.
select
    toInt64(toUnixTimestamp64Milli(now64(3))) as now_ms,
    greatest(toUInt64(now_ms), max(version) + 1) as next_version
from
(
    select max(version) as version from finding_rows
    union all
    select max(version) as version from baseline_rows
)
