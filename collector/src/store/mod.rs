//! ClickHouse: schema, rows, sealed blocks, rollups, queries. It does not know where the server came from.
