-- Hours whose rows arrived after their last generation, oldest first, of `arrivals` (rollup_arrivals.sql). A row near the
-- edge of an hour may have replaced one beyond it (the clock correction of a later beacon differs a little), so the neighbour
-- is dirty too. Two collectors write at once: rows can become visible a moment after newer ones, so an hour is computed once more
-- when its newest arrival has settled. An hour that was computed a moment ago `waits`; what it has counted ends at `counted_ms`.
-- Parameters: pause (s), edge (s, twice), table of generations, settle (s, twice).
select
    a.app as app, toUnixTimestamp(a.hour) as hour, toUnixTimestamp64Milli(a.seen_at) as seen_at_ms,
    toBool(g.computed_at > now64(3) - toIntervalSecond(?)) as waits, toUnixTimestamp64Milli(g.seen_at) as counted_ms
from
(
    select app, hour, max(inserted_at) as seen_at
    from arrivals
    array join arrayDistinct([
        toStartOfHour(moment), toStartOfHour(moment - toIntervalSecond(?)), toStartOfHour(moment + toIntervalSecond(?))
    ]) as hour
    group by app, hour
) as a
left join (select app, hour, seen_at, computed_at from ? final) as g on g.app = a.app and g.hour = a.hour
where
    a.seen_at > g.seen_at
    or (g.computed_at < a.seen_at + toIntervalSecond(?) and now64(3) >= a.seen_at + toIntervalSecond(?))
order by app, hour
