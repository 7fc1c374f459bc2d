-- The beginning of a statement: `arrivals` are all rows that arrived since a moment, each at the moment at which it counts, and at
-- every other at which it may have counted before (`app, inserted_at, moment`).
--
-- A page view counts where its newest beacon puts its start. Each beacon that puts it elsewhere than the page's own clock does has a
-- row that says so; one without such a row has put it where that clock says.
-- Parameters: since (ms).
with
    fromUnixTimestamp64Milli(?, 'UTC') as since,
    touched as
    (
        select app, intDiv(start_ms, 3600000) as start_hour from measurement_rows where inserted_at >= since
        union distinct
        select app, intDiv(start_ms, 3600000) as start_hour from page_view_start_rows where inserted_at >= since
    ),
    starts as
    (
        select app, view_id, start_ms, seq, started_at, inserted_at, day, true as says_where
        from page_view_start_rows
        where (app, intDiv(start_ms, 3600000)) in (select app, start_hour from touched)
    ),
    moved as
    (
        select
            app, max(inserted_at) as seen_at,
            -- A start that is not plausible is never where its clock says: those have no day.
            uniqExactIf(seq, says_where) <= max(seq) and toUInt16(max(day)) > 0 as was_at_its_own,
            arrayConcat(
                groupUniqArrayIf(started_at, says_where),
                if(was_at_its_own, [fromUnixTimestamp64Milli(toInt64(least(start_ms, 4102444800000)), 'UTC')], [])
            ) as moments
        from
        (
            select * from starts
            union all
            select
                app, view_id, start_ms, toUInt32(bitShiftRight(version, 40)) as seq, started_at, inserted_at, day, false as says_where
            from measurement_rows
            where inserted_at >= since and (app, view_id, start_ms) in (select app, view_id, start_ms from starts)
        )
        group by app, view_id, start_ms
        having seen_at >= since
    ),
    arrivals as
    (
        select app, inserted_at, started_at as moment from measurement_rows where inserted_at >= since
        union all
        select app, inserted_at, at as moment from operation_rows where inserted_at >= since
        union all
        select app, seen_at as inserted_at, arrayJoin(moments) as moment from moved
    )
