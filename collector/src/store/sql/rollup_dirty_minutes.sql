-- Minutes of the last day that have `arrivals` (rollup_arrivals.sql), and their neighbours for rows near the edge.
-- Parameters: edge (s, twice).
select distinct app, toUnixTimestamp(minute) as minute
from arrivals
array join arrayDistinct([
    toStartOfMinute(moment), toStartOfMinute(moment - toIntervalSecond(?)), toStartOfMinute(moment + toIntervalSecond(?))
]) as minute
where minute > now() - toIntervalHour(24)
order by app, minute
