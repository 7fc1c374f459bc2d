-- Codecs chosen by weighing real beacons (`cargo xtask bench storage`); before, they were those of a synthetic measurement.
--
-- Words in dictionaries: without a codec of their own they are LZ4, which takes twice the bytes of ZSTD. Times: rows are in the order
-- of random ids, so a difference between neighbours has more bits than the time itself; `Delta` only pays where rows are in the order
-- of time. Sessions, paths, values and starts gain a tenth to a half from the third level; facts to blame gain nothing from it, and a
-- tenth from the sixth for three times the work of every insert and merge, which is not worth it.
--
-- Nothing is rewritten: parts get the new codecs when they are merged next. Setting a codec that is set already changes nothing.

alter table page_view_rows
    modify column app codec(ZSTD(1)),
    modify column start_ms codec(ZSTD(1)),
    modify column environment codec(ZSTD(1)),
    modify column release codec(ZSTD(1)),
    modify column route codec(ZSTD(1)),
    modify column path codec(ZSTD(3)),
    modify column session_id codec(ZSTD(3)),
    modify column navigation_type codec(ZSTD(1)),
    modify column started_at codec(ZSTD(3)),
    modify column received_at codec(ZSTD(1)),
    modify column device codec(ZSTD(1)),
    modify column browser codec(ZSTD(1)),
    modify column os codec(ZSTD(1)),
    modify column country codec(ZSTD(1)),
    modify column connection codec(ZSTD(1)),
    modify column engine codec(ZSTD(1)),
    modify column stratum codec(ZSTD(1)),
    modify column custom codec(ZSTD(1)),
    modify column timing codec(ZSTD(1)),
    modify column inserted_at codec(ZSTD(1));

alter table measurement_rows
    modify column app codec(ZSTD(1)),
    modify column start_ms codec(ZSTD(1)),
    modify column vital codec(ZSTD(1)),
    modify column environment codec(ZSTD(1)),
    modify column release codec(ZSTD(1)),
    modify column route codec(ZSTD(1)),
    modify column path codec(ZSTD(3)),
    modify column session_id codec(ZSTD(3)),
    modify column navigation_type codec(ZSTD(1)),
    modify column value codec(ZSTD(3)),
    modify column rating codec(ZSTD(1)),
    modify column started_at codec(ZSTD(3)),
    modify column received_at codec(ZSTD(1)),
    modify column device codec(ZSTD(1)),
    modify column browser codec(ZSTD(1)),
    modify column os codec(ZSTD(1)),
    modify column country codec(ZSTD(1)),
    modify column connection codec(ZSTD(1)),
    modify column engine codec(ZSTD(1)),
    modify column stratum codec(ZSTD(1)),
    modify column inserted_at codec(ZSTD(1));

alter table operation_rows
    modify column app codec(ZSTD(1)),
    modify column start_ms codec(ZSTD(1)),
    modify column environment codec(ZSTD(1)),
    modify column release codec(ZSTD(1)),
    modify column route codec(ZSTD(1)),
    modify column session_id codec(ZSTD(3)),
    modify column name codec(ZSTD(1)),
    modify column duration_ms codec(ZSTD(3)),
    modify column success codec(ZSTD(1)),
    modify column error_type codec(ZSTD(1)),
    modify column at codec(ZSTD(1)),
    modify column received_at codec(ZSTD(1)),
    modify column stratum codec(ZSTD(1)),
    modify column inserted_at codec(ZSTD(1));

alter table page_view_drop_rows
    modify column app codec(ZSTD(1)),
    modify column start_ms codec(ZSTD(1)),
    modify column received_at codec(ZSTD(1)),
    modify column drops codec(ZSTD(1));

alter table page_view_timing_rows
    modify column app codec(ZSTD(1)),
    modify column start_ms codec(ZSTD(1)),
    modify column received_at codec(ZSTD(1)),
    modify column timing codec(ZSTD(1));

alter table page_view_resource_rows
    modify column app codec(ZSTD(1)),
    modify column start_ms codec(ZSTD(1)),
    modify column received_at codec(ZSTD(1));
