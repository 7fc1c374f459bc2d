-- Names that apps brought within the last {days} days, the most used first: what a collector knows again after a restart.
select app, what, name
from
(
    select '' as app, 'app' as what, toString(rollups.app) as name, sum(n) as uses
    from rollups where hour >= now() - toIntervalDay({days:UInt16}) group by name
    union all
    select toString(app) as app, 'route' as what, toString(route) as name, sum(n) as uses
    from rollups where hour >= now() - toIntervalDay({days:UInt16}) and route != '*' group by app, name
    union all
    select toString(app) as app, 'release' as what, toString(release) as name, sum(n) as uses
    from rollups where hour >= now() - toIntervalDay({days:UInt16}) group by app, name
    union all
    select toString(app) as app, 'environment' as what, toString(environment) as name, sum(n) as uses
    from rollups where hour >= now() - toIntervalDay({days:UInt16}) group by app, name
    union all
    select toString(app) as app, 'operation' as what, toString(vital) as name, sum(n) as uses
    from rollups where hour >= now() - toIntervalDay({days:UInt16}) and kind = 'operation' group by app, name
)
order by uses desc
limit 2000 by app, what
