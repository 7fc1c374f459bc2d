-- The newest word of a person about one thing.
select
    toString(decision) as decision,
    note,
    toInt64(toUnixTimestamp64Milli(`at`)) as at_ms
from decision_rows final
where subject = {subject:String} and id = {id:String}
limit 1
