-- Releases that went live in a range, oldest first.
select
    toString(app) as app,
    toString(environment) as environment,
    toString(release) as release,
    toInt64(toUnixTimestamp(`at`)) * 1000 as at_ms,
    toString(source) as source
from deploys
where app = {app:String}
    and environment = {environment:String}
    and `at` >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
    and `at` < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
order by at_ms, release
limit 10000
