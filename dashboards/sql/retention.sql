-- What is kept, and since when: single rows for 90 days, hourly rollups for 13 months, unless `[retention]` says otherwise.
-- curl 'http://127.0.0.1:8123/?database=vitalscope&default_format=PrettyCompactMonoBlock&param_app=shop' --data-binary @retention.sql
select
    what,
    count() as kept_rows,
    min(happened_at) as oldest,
    max(happened_at) as newest,
    dateDiff('day', oldest, now()) as age_days
from
(
    select 'page_views' as what, toDateTime(started_at, 'UTC') as happened_at from page_views where app = {app:String}
    union all
    select 'measurements', toDateTime(started_at, 'UTC') from measurements where app = {app:String}
    union all
    select 'operations', toDateTime(at, 'UTC') from operations where app = {app:String}
    union all
    select 'rollups', hour from rollups where app = {app:String}
)
group by what
order by age_days desc, what
