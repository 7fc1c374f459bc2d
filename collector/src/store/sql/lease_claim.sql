-- Makes or renews a claim: it goes on while it has not run out, and begins anew afterwards. A version never goes back, whatever the
-- server's clock does. Parameters: role, holder, validity (ms), role, holder.
insert into lease_rows (role, holder, version, since, valid_until)
select
    ? as role, ? as holder, greatest(toUInt64(toUnixTimestamp64Milli(now64(3))), newest + 1) as version,
    if(own_until > now64(3), own_since, now64(3)) as since, now64(3) + toIntervalMillisecond(?) as valid_until
from
(
    select max(version) as newest, argMax(since, version) as own_since, argMax(valid_until, version) as own_until
    from lease_rows where role = ? and holder = ?
)
