-- Keeps what somebody decided, after every earlier decision about the same thing.
-- Parameters: subject, id, decision, note, subject, id.
insert into decision_rows (subject, id, version, decision, note, at)
select
    ? as subject, ? as id, greatest(toUInt64(toUnixTimestamp64Milli(now64(3))), newest + 1) as version, ? as decision, ? as note,
    now64(3) as at
from (select max(version) as newest from decision_rows where subject = ? and id = ?)
