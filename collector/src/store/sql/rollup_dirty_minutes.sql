-- Minutes of the last day with rows that arrived since a moment, and their neighbours for rows near the edge.
-- Parameters: since (ms, twice), edge (s, twice).
select distinct app, toUnixTimestamp(minute) as minute
from
(
    select app, started_at as moment from measurement_rows where inserted_at >= fromUnixTimestamp64Milli(?)
    union all
    select app, at as moment from operation_rows where inserted_at >= fromUnixTimestamp64Milli(?)
)
array join arrayDistinct([
    toStartOfMinute(moment), toStartOfMinute(moment - toIntervalSecond(?)), toStartOfMinute(moment + toIntervalSecond(?))
]) as minute
where minute > now() - toIntervalHour(24)
order by app, minute
