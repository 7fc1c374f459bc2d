-- Packed days of one app. Parameters: app, first day, day after the last (both since 1970).
select
    toUInt16(day) as day_number, toString(environment) as environment, toString(kind) as kind, toString(vital) as vital,
    toString(route) as route, version, hours
from packed_days final
where app = ? and day >= toDate(?) and day < toDate(?)
-- Days in their order: what comes after what decides the last digit of floating-point sums.
order by day
