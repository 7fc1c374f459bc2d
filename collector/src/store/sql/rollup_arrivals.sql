-- The beginning of a statement: `arrivals` are all rows that arrived since a moment, each at the moment at which it counts, and at
-- every other at which it may have counted before (`app, inserted_at, moment`).
--
-- A page view counts where its newest beacon puts its start. Each beacon that puts it elsewhere than the page's own clock does has a
-- row that says so (`page_view_start_rows`); those without such a row have put it where that clock says. A first beacon moves
-- nothing: what it would replace has a lower sequence (a version is the sequence, then 40 bits of arrival).
-- Parameters: since (ms).
with
    fromUnixTimestamp64Milli(?, 'UTC') as since,
    moved as
    (
        select
            s.app as app, max(a.newest) as newest,
            arrayConcat(
                groupUniqArray(s.started_at),
                -- A start that is not plausible has no day, and nothing counts there; `least`, because both branches are computed.
                if(
                    uniqExact(s.seq) <= max(s.seq) and toUInt16(max(s.day)) > 0,
                    [fromUnixTimestamp64Milli(toInt64(least(any(s.start_ms), 4102444800000)), 'UTC')],
                    []
                )
            ) as moments
        from page_view_start_rows as s
        inner join
        (
            select cityHash64(app, view_id, start_ms) as page_view, max(inserted_at) as newest
            from measurement_rows
            where inserted_at >= since and bitShiftRight(version, 40) > 0
            group by page_view
        ) as a on a.page_view = cityHash64(s.app, s.view_id, s.start_ms)
        where (s.app, intDiv(s.start_ms, 3600000)) in (
            select app, intDiv(start_ms, 3600000) from measurement_rows where inserted_at >= since
        )
        group by s.app, a.page_view
    ),
    arrivals as
    (
        select app, inserted_at, started_at as moment from measurement_rows where inserted_at >= since
        union all
        select app, inserted_at, at as moment from operation_rows where inserted_at >= since
        union all
        select app, newest as inserted_at, arrayJoin(moments) as moment from moved
    )
