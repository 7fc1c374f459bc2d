-- Bytes on disk and rows of each table of the database, superseded rows included.
select
    `table` as name,
    toUInt64(sum(bytes_on_disk)) as bytes,
    toUInt64(sum(rows)) as row_count
from system.parts
where active and database = currentDatabase()
group by name
order by name
