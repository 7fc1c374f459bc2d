-- Histograms of totals in a codec that is read faster. Reading them is most of what a list of routes or a comparison of releases costs, and
-- with ZSTD two thirds of that were unpacking. Bucket indices and counts are small numbers: T64 cuts them to the bits they use, LZ4 does the
-- rest. Measured on 500 routes and 20 million measurements: read in half the time, for 64 MB instead of 39 of 507 in all.
--
-- Nothing is rewritten: parts get the new codec when they are merged next.

alter table rollup_totals
    modify column buckets codec(T64, LZ4);
