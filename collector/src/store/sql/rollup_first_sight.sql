-- A release that nobody announced went live when it was first seen: in the first hour with its page views. Parameter:
-- the hour (since 1970) to look from, or every evaluation would read all that was ever kept.
insert into deploy_rows (app, environment, release, at, source, version)
select app, environment, release, toDateTime64(min(hour), 3, 'UTC'), 'first-sight', 1
from rollups
where hour >= fromUnixTimestamp(? * 3600) and release != '' and (app, environment, release) not in (select app, environment, release from deploy_rows)
group by app, environment, release
