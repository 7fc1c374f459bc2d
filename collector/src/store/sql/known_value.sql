-- Whether an app ever had a page view with this value of a dimension; its releases are also known from imported histories.
select toUInt8(count() > 0) as known
from (
    select 1
    from rollups_by_dimension
    where app = {app:String}
        and environment = {environment:String}
        and dimension = {dimension:String}
        and value = {value:String}
        and route = '*'
    limit 1
    union all
    select 1
    from deploys
    where {dimension:String} = 'release' and app = {app:String} and environment = {environment:String} and release = {value:String}
    limit 1
)
