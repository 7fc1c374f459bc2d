-- p75 of every vital by week, read from the hourly rollups: what it costs grows with hours, not with page views, and they are kept for 13 months.
-- A value is read off inside its bucket, which is 8 % wide, so it is a few per cent off at most.
-- curl 'http://127.0.0.1:8123/?database=vitalscope&default_format=PrettyCompactMonoBlock&param_app=shop&param_days=90' --data-binary @p75_over_months.sql
with
    -- The filled buckets, lowest first, and how many page views lie in each and all below it.
    arraySort(groupArray((low, high, n))) as filled,
    arrayCumSum(cell -> cell.3, filled) as reached,
    0.75 * sum(n) as wanted,
    filled[arrayFirstIndex(count -> count >= wanted, reached)] as cell,
    reached[arrayFirstIndex(count -> count >= wanted, reached)] - cell.3 as below
select
    vital,
    week,
    sum(n) as page_views,
    round(cell.1 + (cell.2 - cell.1) * (wanted - below) / cell.3, 3) as p75
from
(
    select toString(vital) as vital, toStartOfWeek(hour, 1) as week, bucket, sum(in_bucket) as n
    from rollups
    array join mapKeys(buckets) as bucket, mapValues(buckets) as in_bucket
    where app = {app:String}
        and kind = 'vital'
        -- The series of the whole app repeats its routes.
        and route != '*'
        and hour >= now() - toIntervalDay({days:UInt16})
    group by vital, week, bucket
) as counts
join (select vital, bucket, low, high from buckets where kind = 'vital') as edges using (vital, bucket)
group by vital, week
order by vital, week
